FROM python:3.11-slim AS build
WORKDIR /source
COPY pyproject.toml setup.py MANIFEST.in README.md constraints.txt ./
COPY probes probes
COPY linkwatch linkwatch
COPY alert_rules alert_rules
COPY grafana grafana
RUN pip wheel --no-cache-dir --constraint constraints.txt --wheel-dir /wheels .

FROM python:3.11-slim
# A user without privileges has no raw sockets even where the container may: the interpreter itself
# carries the one capability. The container must allow it (cap_add: NET_RAW), else Python does not start.
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    apt-get update \
 && apt-get install --yes --no-install-recommends libcap2-bin \
 && rm -rf /var/lib/apt/lists/* \
 && pip install --no-cache-dir --no-index --find-links /wheels linkwatch \
 && setcap cap_net_raw=+ep "$(readlink -f "$(command -v python3)")" \
 && useradd --system --uid 10001 linkwatch \
 && install --directory --owner linkwatch /var/lib/linkwatch /var/lib/linkwatch-keys
USER linkwatch
WORKDIR /var/lib/linkwatch
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
    CMD ["python3", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["linkwatch"]
CMD ["run", "/etc/linkwatch/linkwatch.yml"]
