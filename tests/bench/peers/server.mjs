// The peer: what goip does with a heartbeat, done the usual way in Node (Express 5, socket.io 4, better-sqlite3).
//
// For every POST /api/device/heartbeat, in this order: find the device by its key, validate the body, write the
// heartbeat, the device and its slots in one commit (WAL, synchronous=FULL), emit `device-heartbeat` to the rooms
// `dashboard` and `device-{id}`, answer. Nothing is left out that goip must do, and nothing is added to slow it.
//
//   node server.mjs --port 9000 --database scratch.db [--devices 2000] [--synchronous FULL]

import http from "node:http";
import { parseArgs } from "node:util";
import express from "express";
import { Server } from "socket.io";
import { openDatabase } from "./database.mjs";
import { validateHeartbeat } from "./validate.mjs";

const { values: options } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    database: { type: "string" },
    devices: { type: "string", default: "2000" },
    synchronous: { type: "string", default: "FULL" },
  },
});

const store = await openDatabase(options.database, options.synchronous);
const deviceByKey = new Map();
const devices = new Map();
for (let index = 0; index < Number(options.devices); index += 1) {
  deviceByKey.set(`bench-key-${index}`, `bench-${String(index).padStart(6, "0")}`);
}

let seq = store.lastSeq();

function recordHeartbeat(beat) {
  const at = new Date().toISOString();
  const known = devices.get(beat.deviceId);
  seq += 1;
  const device = {
    deviceId: beat.deviceId,
    name: beat.name ?? known?.name ?? null,
    batteryLevel: beat.batteryLevel ?? null,
    charging: beat.charging ?? null,
    signalStrength: beat.signalStrength ?? null,
    deviceStatus: beat.deviceStatus ?? null,
    lastSeen: at,
    counter: beat.counter ?? null,
    intervalSeconds: beat.intervalSeconds ?? null,
    ipAddress: beat.ipAddress ?? null,
    firmware: beat.firmware ?? null,
    simSlots: beat.simSlots ?? [],
    phoneNumbers: (beat.simSlots ?? []).map((slot) => slot.phoneNumber).filter(Boolean),
    deviceBrandInfo: beat.deviceBrandInfo ?? null,
    isOnline: true,
    seq,
  };
  store.commitHeartbeat(device, at);
  devices.set(device.deviceId, device);
  io.to("dashboard").to(`device-${device.deviceId}`).emit("device-heartbeat", device);
  return { isNewDevice: known === undefined, simSlotsUpdated: device.simSlots.length, serverTime: at };
}

const app = express();
app.disable("x-powered-by");
app.disable("etag");
app.use(express.json({ limit: "256kb" }));

app.post("/api/device/heartbeat", (request, response) => {
  const key = (request.headers.authorization ?? "").replace(/^Bearer /, "");
  const deviceId = deviceByKey.get(key);
  if (deviceId === undefined) {
    response.status(401).json({ success: false, error: "Unknown key", code: "unauthorized" });
    return;
  }
  const fields = validateHeartbeat(request.body);
  if (fields !== null || request.body.deviceId !== deviceId) {
    response.status(400).json({ success: false, error: "Invalid heartbeat", code: "invalid_payload", fields });
    return;
  }
  const recorded = recordHeartbeat(request.body);
  response.json({ success: true, message: "Heartbeat received", ...recorded, nextHeartbeatSeconds: 30 });
});

app.get("/api/health", (_request, response) => {
  response.json({ status: "ok", driver: store.driver });
});

const server = http.createServer(app);
const io = new Server(server, { path: "/socket.io/", serveClient: false });
io.on("connection", (socket) => {
  socket.on("join-dashboard", async (...args) => {
    await socket.join("dashboard");
    const ack = args.at(-1);
    if (typeof ack === "function") ack({ ok: true, room: "dashboard" });
  });
});

server.listen(Number(options.port), "127.0.0.1", () => {
  console.log(JSON.stringify({ port: server.address().port, driver: store.driver, node: process.version }));
});

process.on("SIGTERM", () => process.exit(0));
