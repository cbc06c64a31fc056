"""A real RTSP server with some cameras, for the system's Python, which alone has GStreamer.

Prints one line of JSON: the ports of an open server, of one with Digest and one with Basic login. Then it
does what it reads: `silent` ends the video of /valve, `playing` lets it go on; RTSP answers all the time.
"""

import json
import random
import sys
import threading

import gi

for library in ("Gst", "GstRtspServer"):
    gi.require_version(library, "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

SOURCE = "videotestsrc is-live=true pattern={} ! video/x-raw,format=I420,width=320,height=240,framerate=15/1"
MOVING = SOURCE.format("snow") + " ! videobalance name=light"  # noise, as a sensor has it
STILL = SOURCE.format("smpte75")
H264 = "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=8 ! rtph264pay name=pay0 pt=96"
H265 = "x265enc tune=zerolatency speed-preset=ultrafast key-int-max=8 {} ! rtph265pay name=pay0".format(
    "option-string=open-gop=0"  # key frames without a running number, as cameras send them
)
JPEG = "jpegenc ! rtpjpegpay name=pay0"
CAMERAS = {
    "/live": f"( {MOVING} ! {H264} )",
    "/still": f"( {STILL} ! {H264} )",
    "/live-h265": f"( {MOVING} ! {H265} )",
    "/still-h265": f"( {STILL} ! {H265} )",
    "/live-jpeg": f"( {MOVING} ! {JPEG} )",
    "/still-jpeg": f"( {STILL} ! {JPEG} )",
    "/valve": f"( {MOVING} ! valve name=valve ! {H264} )",
    "/audio": "( audiotestsrc is-live=true ! audio/x-raw,rate=8000 ! alawenc ! rtppcmapay name=pay0 pt=8 )",
}
USER, PASSWORD = "cam", "s3cret"
DIGEST = 0x02  # GST_RTSP_AUTH_DIGEST

valves = []


def prepare(_factory, media):
    valve, light = map(media.get_element().get_by_name, ("valve", "light"))
    if valve:
        valves.append(valve)
    if light:  # the noise is the same after every start; a sensor's is not
        light.set_property("brightness", random.uniform(-0.3, 0.3))


def serve(auth=None):
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    server.set_auth(auth)
    for path, launch in CAMERAS.items():
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(launch)
        factory.set_shared(True)
        factory.connect("media-configure", prepare)
        if auth:
            allowed = "user, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"
            factory.add_role_from_structure(Gst.Structure.new_from_string(allowed))
        server.get_mount_points().add_factory(path, factory)
    server.attach(None)
    return server


def login(method):
    auth, token = GstRtspServer.RTSPAuth(), GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "user")
    if method == "digest":
        auth.set_supported_methods(DIGEST)
        auth.add_digest(USER, PASSWORD, token)
    else:
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(USER, PASSWORD), token)
    return auth


def obey(loop):
    for line in sys.stdin:
        for valve in valves:
            valve.set_property("drop", line.strip() == "silent")
    loop.quit()


Gst.init(None)
servers = {"open": serve(), "digest": serve(login("digest")), "basic": serve(login("basic"))}
loop = GLib.MainLoop()
threading.Thread(target=obey, args=(loop,), daemon=True).start()
print(json.dumps({name: server.get_bound_port() for name, server in servers.items()}), flush=True)
loop.run()
