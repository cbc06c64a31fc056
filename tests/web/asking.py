"""Questions to the API, and the body of its answers."""

from __future__ import annotations


async def get(client, path, headers):
    async with client.get(path, headers=headers) as response:
        assert response.status == 200, await response.text()
        return await response.json()


async def items(client, path, headers):
    """Every item over all pages."""
    found, cursor = [], None
    while True:
        joint = "&" if "?" in path else "?"
        answer = await get(client, f"{path}{joint}cursor={cursor}" if cursor else path, headers)
        found += answer["items"]
        cursor = answer["next_cursor"]
        if cursor is None:
            return found
