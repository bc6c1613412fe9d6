"""The whole URL table. A route says who may call it; nothing is reachable that is not in here."""

from __future__ import annotations

from aiohttp import web

from goip.api import (
    auth,
    connections,
    devices,
    docs_page,
    frames,
    gateway,
    inbound,
    jobs,
    live,
    makes,
    openapi,
    server,
    sms,
    tokens,
    users,
)
from goip.api.appkeys import PRINCIPAL
from goip.api.callers import principal_of
from goip.api.route import Access, Handler, Route
from goip.api.schemas import auth as a
from goip.api.schemas import common as c
from goip.api.schemas import devices as d
from goip.api.schemas import frames as f
from goip.api.schemas import gateways as g
from goip.api.schemas import jobs as j
from goip.api.schemas import sms as s
from goip.api.schemas import state as st
from goip.api.tapping import tapped
from goip.auth.principals import Permission, Principal, need
from goip.errors import Forbidden
from goip.gateways.native import schemas as native
from goip.realtime.websocket import WEBSOCKET_PATH

_PUBLIC, _GATEWAY, _USER = Access.PUBLIC, Access.GATEWAY, Access.USER
_READ, _LISTEN, _OPERATE, _ADMIN = Access.READ, Access.LISTEN, Access.OPERATE, Access.ADMINISTER

# fmt: off
ROUTES: tuple[Route, ...] = (
    Route("POST", "/api/device/heartbeat", gateway.heartbeat, _GATEWAY, "Post a heartbeat, or an array of them", body=native.HeartbeatSchema, answer=g.HeartbeatAnswer, tag="gateways", takes_many=True),
    Route("POST", "/api/device/register", gateway.register, _GATEWAY, "Register a device, and ask for its key", body=native.RegisterSchema, answer=g.RegisterAnswer, tag="gateways", takes_many=True),
    Route("POST", "/api/sms/receive", gateway.receive_sms, _GATEWAY, "Post a received message, or an array of them", body=native.SmsReceiveSchema, answer=g.SmsReceivedAnswer, tag="gateways", takes_many=True),
    Route("POST", "/api/sms/status", gateway.sms_status, _GATEWAY, "Post what became of a sent message, or an array of that", body=native.SmsStatusSchema, answer=g.SmsStatusAnswer, tag="gateways", takes_many=True),

    Route("POST", "/in/{make}/{key}", inbound.push, _GATEWAY, "What a gateway of another make has to tell", tag="gateways", also_answers=("text/plain",)),
    Route("GET", "/in/{make}/{key}", inbound.push, _GATEWAY, "The same, for makes that call by GET", tag="gateways", also_answers=("text/plain",)),
    Route("POST", "/in/{make}/{key}/{path}", inbound.push, _GATEWAY, "The same, with the device's name or the make's own path", tag="gateways", also_answers=("text/plain",)),
    Route("GET", "/in/{make}/{key}/{path}", inbound.push, _GATEWAY, "The same, by GET", tag="gateways", also_answers=("text/plain",)),
    Route("PUT", "/in/{make}/{key}/{path}", inbound.push, _GATEWAY, "The same, for apps whose own paths take PUT", tag="gateways", also_answers=("text/plain",)),
    Route("PATCH", "/in/{make}/{key}/{path}", inbound.push, _GATEWAY, "The same, for apps whose own paths take PATCH", tag="gateways", also_answers=("text/plain",)),

    Route("POST", "/api/auth/login", auth.login, _PUBLIC, "Log in with a password", body=a.LoginBody, answer=a.LoginAnswer, tag="auth"),
    Route("POST", "/api/auth/refresh", auth.refresh, _PUBLIC, "Turn a refresh token into new tokens", body=a.RefreshBody, answer=a.LoginAnswer, tag="auth"),
    Route("POST", "/api/auth/logout", auth.logout, _PUBLIC, "End the session of a token", body=a.RefreshBody, answer=a.DoneAnswer, tag="auth"),
    Route("GET", "/api/auth/me", auth.me, _READ, "Who is asking", answer=a.MeAnswer, tag="auth"),
    Route("POST", "/api/auth/password", auth.change_password, _USER, "Change the own password", body=a.PasswordBody, answer=a.DoneAnswer, tag="auth"),
    Route("GET", "/api/users", users.list_users, _ADMIN, "List users", answer=a.UsersAnswer, tag="users"),
    Route("POST", "/api/users", users.create_user, _ADMIN, "Add a user", body=a.UserCreate, answer=a.UserAnswer, tag="users", status=201),
    Route("PATCH", "/api/users/{userId}", users.patch_user, _ADMIN, "Change a user's role, password or state", body=a.UserPatch, answer=a.UserAnswer, tag="users"),
    Route("GET", "/api/tokens", tokens.list_tokens, _ADMIN, "List API tokens", answer=a.TokensAnswer, tag="users"),
    Route("POST", "/api/tokens", tokens.create_token, _ADMIN, "Make an API token", body=a.TokenCreate, answer=a.TokenCreatedAnswer, tag="users", status=201),
    Route("DELETE", "/api/tokens/{tokenId}", tokens.delete_token, _ADMIN, "Revoke an API token", answer=a.DoneAnswer, tag="users"),

    Route("GET", "/api/state", live.show_state, _LISTEN, "The snapshot of the live state", query=st.StateQuery, answer=st.StateAnswer, tag="live"),
    Route("GET", "/api/events", live.next_events, _LISTEN, "One frame of the stream; waits for it", query=st.EventsQuery, answer=st.FrameAnswer, tag="live", also_answers=("text/event-stream",)),
    Route("GET", WEBSOCKET_PATH, live.open_websocket, _PUBLIC, "The stream over a raw WebSocket", tag="live", status=101),

    Route("GET", "/api/import/progress/{sessionId}", jobs.show_progress, _READ, "How far a long job is; waits for news", query=j.ProgressQuery, answer=j.ProgressAnswer, tag="live", also_answers=("text/event-stream",)),
    Route("POST", "/api/test/job", jobs.start_test_job, _ADMIN, "Start a job that does nothing, to watch its progress", body=j.TestJobBody, answer=j.TestJobAnswer, tag="live", status=202),
    Route("GET", "/api/test/ws-status", connections.ws_status, _ADMIN, "Who is connected, by transport, user and room", query=j.ConnectionsQuery, answer=j.ConnectionsAnswer, tag="live"),

    Route("GET", "/api/devices", devices.list_devices, _READ, "List devices", query=d.DevicesQuery, answer=d.DevicesAnswer, tag="devices"),
    Route("POST", "/api/devices", devices.create_device, _OPERATE, "Add a device and get its key", body=d.DeviceCreate, answer=d.DeviceCreatedAnswer, tag="devices", status=201),
    Route("GET", "/api/devices/{deviceId}", devices.show_device, _READ, "One device", answer=d.DeviceAnswer, tag="devices"),
    Route("PATCH", "/api/devices/{deviceId}", devices.patch_device, _OPERATE, "Set name, parent, time zone and interval of a device", body=d.DevicePatch, answer=d.DeviceAnswer, tag="devices"),
    Route("DELETE", "/api/devices/{deviceId}", devices.delete_device, _OPERATE, "Remove a device; its messages stay", answer=c.SuccessAnswer, tag="devices"),
    Route("POST", "/api/devices/{deviceId}/adopt", devices.adopt_device, _OPERATE, "Adopt a device that waits", body=d.DeviceAdopt, answer=d.DeviceAnswer, tag="devices"),
    Route("POST", "/api/devices/{deviceId}/reject", devices.reject_device, _OPERATE, "Turn away a device that waits", answer=d.RejectedAnswer, tag="devices"),
    Route("GET", "/api/devices/{deviceId}/keys", devices.list_device_keys, _OPERATE, "The keys of a device: when each was made and used", answer=d.DeviceKeysAnswer, tag="devices"),
    Route("POST", "/api/devices/{deviceId}/key", devices.rotate_device_key, _OPERATE, "Make a new key for a device", body=d.KeyRotation, answer=d.DeviceKeyAnswer, tag="devices"),
    Route("DELETE", "/api/devices/{deviceId}/keys", devices.revoke_device_keys, _OPERATE, "Revoke the keys of a device", answer=c.SuccessAnswer, tag="devices"),
    Route("GET", "/api/devices/{deviceId}/history", devices.device_history, _READ, "A metric over time", query=d.HistoryQuery, answer=d.HistoryAnswer, tag="devices"),
    Route("GET", "/api/devices/{deviceId}/heartbeats", devices.device_heartbeats, _READ, "Single heartbeats, newest first", query=d.HeartbeatsQuery, answer=d.HeartbeatsAnswer, tag="devices"),
    Route("GET", "/api/devices/{deviceId}/events", devices.device_events, _READ, "What happened to a device, newest first", query=d.FactsQuery, answer=st.EventsPageAnswer, tag="devices"),
    Route("GET", "/api/devices/{deviceId}/frames", frames.device_frames, _OPERATE, "What a device said last, as it stood on the wire; waits for more", query=f.DeviceFramesQuery, answer=f.WireFramesAnswer, tag="devices", also_answers=(frames.FIXTURE_TYPE, "text/event-stream")),
    Route("GET", "/api/frames", frames.list_frames, _OPERATE, "What devices said last, and strangers who were not let in", query=f.FramesQuery, answer=f.WireFramesAnswer, tag="devices", also_answers=(frames.FIXTURE_TYPE,)),
    Route("GET", "/api/frames/{frameId}", frames.show_frame, _OPERATE, "One of these frames", query=f.FrameQuery, answer=f.WireFrameAnswer, tag="devices", also_answers=(frames.FIXTURE_TYPE,)),
    Route("POST", "/api/frames/{frameId}/replay", frames.replay_frame, _OPERATE, "Decode a frame again; nothing is recorded", answer=f.ReplayAnswer, tag="devices"),
    Route("GET", "/api/device/status", devices.device_status, _READ, "One device, flat", query=d.DeviceStatusQuery, answer=d.DeviceStatusAnswer, tag="devices"),
    Route("GET", "/api/sims", devices.show_sims, _READ, "SIM cards, and where each was seen last", query=d.SimsQuery, answer=d.SimsAnswer, tag="devices"),

    Route("GET", "/api/sms", sms.list_sms, _READ, "List, search and export messages", query=s.SmsQuery, answer=s.SmsPageAnswer, tag="sms", also_answers=("text/csv",)),
    Route("GET", "/api/sms/conversations", sms.list_conversations, _READ, "Conversations by their newest message", query=s.ConversationsQuery, answer=s.ConversationsAnswer, tag="sms"),
    Route("GET", "/api/sms/{smsId}", sms.show_sms, _READ, "One message", answer=s.SmsAnswer, tag="sms"),
    Route("DELETE", "/api/sms/{smsId}", sms.delete_sms, _OPERATE, "Delete a message", answer=c.SuccessAnswer, tag="sms"),

    Route("GET", "/api/enrollment", server.enrollment, _OPERATE, "How unknown devices come in", answer=st.EnrollmentAnswer, tag="devices"),
    Route("GET", "/api/makes", makes.list_makes, _OPERATE, "The makes of gateways, and where each has to report to", answer=g.MakesAnswer, tag="devices"),
    Route("GET", "/api/enrollment/rejected", devices.list_rejections, _OPERATE, "The devices that were turned away", answer=d.RejectionsAnswer, tag="devices"),
    Route("DELETE", "/api/enrollment/rejected/{deviceId}", devices.readmit_device, _OPERATE, "Let a device that was turned away knock again", answer=c.SuccessAnswer, tag="devices"),
    Route("POST", "/api/enrollment/keys", server.create_enrollment_key, _OPERATE, "Make an enrolment key", body=st.EnrollmentKeyCreate, answer=st.EnrollmentKeyAnswer, tag="devices", status=201),

    Route("GET", "/api/health", server.health, _PUBLIC, "How the server is", answer=st.HealthAnswer, tag="server"),
    Route("GET", "/health", server.health, _PUBLIC, "How the server is", answer=st.HealthAnswer, tag="server"),
    Route("GET", "/api/health/live", server.live, _PUBLIC, "The process answers", answer=st.ProbeAnswer, tag="server"),
    Route("GET", "/api/health/ready", server.ready, _PUBLIC, "The database takes writes", answer=st.ProbeAnswer, tag="server"),
    Route("GET", "/api/meta", server.meta, _PUBLIC, "Version and build of the server", answer=st.MetaAnswer, tag="server"),
    Route("GET", "/api/openapi.json", openapi.openapi_json, _PUBLIC, "This document", answer=st.DocumentAnswer, tag="server"),
    Route("GET", "/docs", docs_page.docs_page, _PUBLIC, "This document, for people", tag="server", also_answers=("text/html",)),
    Route("GET", "/docs/style.css", docs_page.docs_style, _PUBLIC, "Its style", tag="server", also_answers=("text/css",)),
)
# fmt: on

_NEEDED = {
    Access.READ: Permission.READ,
    Access.LISTEN: Permission.READ,
    Access.OPERATE: Permission.OPERATE,
    Access.ADMINISTER: Permission.ADMINISTER,
}


def add_routes(app: web.Application) -> None:
    """Put the table into the application, each handler behind its guard."""
    for route in ROUTES:
        handler = guarded(route.handler, route.access)
        if route.method == "GET":
            app.router.add_get(_pattern(route), handler, allow_head=route.access is not Access.GATEWAY)
        else:
            app.router.add_route(route.method, _pattern(route), handler)


def _pattern(route: Route) -> str:
    """The path as aiohttp's router has it: `{path}` is all that is left of an address."""
    return route.path.replace("{path}", "{path:.*}")


def guarded(handler: Handler, access: Access) -> Handler:
    """The handler, for those who may call it; `request[PRINCIPAL]` says who does."""
    if access is Access.PUBLIC:
        return handler
    if access is Access.GATEWAY:
        return tapped(handler)  # admitted where their device is known: by `auth.gateways.admit`

    async def guard(request: web.Request) -> web.StreamResponse:
        principal = principal_of(request)
        _admit(principal, access)
        request[PRINCIPAL] = principal
        return await handler(request)

    return guard


def _admit(principal: Principal, access: Access) -> None:
    if access is Access.USER:
        if principal.kind != "user":
            raise Forbidden("this is for users who logged in")
        return
    if access is Access.LISTEN and principal.kind == "device":
        return  # room by room, by `authorise_join`, as on every transport
    need(principal, _NEEDED[access])
