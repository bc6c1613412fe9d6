// The peer of the fan-out benchmark: one room in socket.io 4 and one in ws 8, as their documentation has it.
//
// `POST /bench/publish` {protocol, seconds, perTurn} tells the room `perTurn` events in each turn of the loop, and
// waits until no client has anything queued before the next. Messages are encoded once for all clients: socket.io
// does so itself, for ws we do. No compression, as in goip.

import { readFileSync } from "node:fs";
import http from "node:http";
import { Server } from "socket.io";
import { WebSocketServer } from "ws";

const fact = JSON.parse(readFileSync(new URL("fact.json", import.meta.url)));
const MOST_BUFFERED = 65_536;
let seq = 0;

const server = http.createServer(async (request, response) => {
  if (request.method !== "POST" || request.url !== "/bench/publish") {
    response.writeHead(404).end();
    return;
  }
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const told = await publish(JSON.parse(Buffer.concat(chunks)));
  response.setHeader("Content-Type", "application/json").end(JSON.stringify(told));
});

const io = new Server(server, { serveClient: false, perMessageDeflate: false });
io.on("connection", (socket) => {
  socket.on("subscribe", async ({ room }, ack) => {
    await socket.join(room);
    ack({ ok: true, room });
  });
});

const raw = new WebSocketServer({ noServer: true, perMessageDeflate: false });
const room = new Set();
server.on("upgrade", (request, socket, head) => {
  if (request.url === "/ws") raw.handleUpgrade(request, socket, head, welcome);
});

function welcome(client) {
  client.on("close", () => room.delete(client));
  client.on("error", () => client.terminate());
  client.on("message", (data) => {
    const told = JSON.parse(data);
    if (told.type === "auth") client.send('{"type":"authenticated"}');
    if (told.type !== "join") return;
    room.add(client);
    client.send(JSON.stringify({ type: "joined", room: told.room }));
    client.send(JSON.stringify({ after: null, events: [] }));
  });
}

const ways = {
  socketio: {
    tell: (data) => io.to("dashboard").emit("sms-received", data),
    isWritten: () => [...io.sockets.sockets.values()].every((socket) => socket.conn.writeBuffer.length === 0),
  },
  websocket: {
    tell: (data) => {
      const event = { seq: data.seq, event: "sms-received", room: "dashboard", data, at: new Date().toISOString() };
      const bytes = Buffer.from(JSON.stringify(event));
      for (const client of room) client.send(bytes, { binary: false });
    },
    isWritten: () => [...room].every((client) => client.bufferedAmount < MOST_BUFFERED),
  },
};

async function publish({ protocol, seconds, perTurn }) {
  const { tell, isWritten } = ways[protocol];
  const firstSeq = seq + 1;
  const startedAt = now();
  while (now() < startedAt + seconds) {
    for (let index = 0; index < perTurn; index += 1) {
      seq += 1;
      tell({ ...fact, seq });
    }
    do await new Promise(setImmediate);
    while (!isWritten());
  }
  return { startedAt, firstSeq, lastSeq: seq };
}

// The machine's one monotonic clock, in seconds: the clients read the same.
function now() {
  return Number(process.hrtime.bigint()) / 1e9;
}

server.listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ port: server.address().port, node: process.version }));
});

process.on("SIGTERM", () => process.exit(0));
