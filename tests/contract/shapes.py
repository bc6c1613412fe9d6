"""The fields of everything that is sent: what other people's clients already read."""

from __future__ import annotations

from typing import Any

SNAPSHOT = {"cursor", "rooms", "devices", "stats", "alerts", "notifications", "serverTime"}
FRAME = {"after", "cursor", "recovered", "events"}
EVENT = {"seq", "event", "room", "data", "at"}
JOIN_ACK = {"ok", "room", "cursor", "recovered"}
REFUSED_ACK = {"ok", "error", "code"}
PROGRESS = {
    "sessionId",
    "status",
    "processed",
    "total",
    "succeeded",
    "failed",
    "skipped",
    "ratePerSecond",
    "etaSeconds",
    "lastError",
    "version",
    "at",
}

SLOT = {
    "slotIndex",
    "carrierName",
    "operatorName",
    "phoneNumber",
    "signalStatus",
    "signalStrength",
    "iccid",
    "imsi",
    "imei",
    "status",
    "balance",
    "rawStatus",
}
DEVICE = {
    "deviceId",
    "name",
    "make",
    "status",
    "statusReason",
    "statusSince",
    "isOnline",
    "isPending",
    "deviceStatus",
    "batteryLevel",
    "charging",
    "signalStrength",
    "firmware",
    "ipAddress",
    "intervalSeconds",
    "setIntervalSeconds",
    "parent",
    "timeZone",
    "lastSeen",
    "nextDueAt",
    "registeredAt",
    "counter",
    "phoneNumbers",
    "deviceBrandInfo",
    "simSlots",
    "seq",
}
SMS = {
    "id",
    "deviceId",
    "direction",
    "sender",
    "recipient",
    "message",
    "timestamp",
    "receivedAt",
    "slotIndex",
    "carrierName",
    "slotInfo",
    "status",
    "seq",
}
STATS = {
    "totalDevices",
    "onlineDevices",
    "lateDevices",
    "offlineDevices",
    "unknownDevices",
    "totalSms",
    "receivedSms",
    "sentSms",
    "deliveredSms",
    "failedSms",
    "timestamp",
    "seq",
}
STATUS_CHANGE = {
    "deviceId",
    "previousStatus",
    "currentStatus",
    "isOnline",
    "isNewDevice",
    "reason",
    "at",
    "seq",
}
REBOOT = {"deviceId", "previousCounter", "counter", "at", "seq"}
REMOVED = {"deviceId", "isRejected", "at", "seq"}
WIRE_FRAME = {
    "id",
    "at",
    "deviceId",
    "isAdmitted",
    "direction",
    "transport",
    "make",
    "address",
    "verdict",
    "reason",
    "head",
    "text",
    "base64",
    "nBytes",
    "isCut",
}

BY_EVENT = {
    "state": SNAPSHOT,
    "device-heartbeat": DEVICE,
    "device-updated": DEVICE,
    "device-status-change": STATUS_CHANGE,
    "device-reboot": REBOOT,
    "device-removed": REMOVED,
    "sms-received": SMS,
    "stats-update": STATS,
    "frame": FRAME,
    "network:log": WIRE_FRAME,
}

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def must_have_the_shape(event: str, data: dict[str, Any]) -> None:
    """Exactly the fields of this event, and integers where a client counts on them."""
    expected = BY_EVENT[event]
    if event == "frame":
        expected = expected | ({"state"} if "state" in data else set())
    assert set(data) == expected, f"{event}: {set(data) ^ expected} is too much or missing"
    if "seq" in expected:
        assert type(data["seq"]) is int, data
