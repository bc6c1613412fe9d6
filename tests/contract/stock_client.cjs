// Drives stock socket.io-client sockets for the tests: commands come in and what happens goes out, one JSON object a line.
//
//   in:  {n, do: 'connect', socket, url, options}   {n, do: 'emit', socket, event, args, ack}
//        {n, do: 'cut' | 'abort', socket}           {n, do: 'transport' | 'close', socket}
//   out: {n, ok | ack | error}                      {socket, event, args}
'use strict'

const readline = require('node:readline')
const { io } = require(process.argv[2])

const ACK_TIMEOUT_MS = 10_000
const sockets = new Map()

const say = (line) => process.stdout.write(JSON.stringify(line) + '\n')

const commands = {
  connect({ n, socket: name, url, options }) {
    const socket = io(url, { forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 200, ...options })
    sockets.set(name, socket)
    socket.on('connect', () => say({ socket: name, event: 'connect', args: [socket.id] }))
    socket.on('connect_error', (error) => {
      say({ socket: name, event: 'connect_error', args: [{ message: error.message, data: error.data ?? null }] })
    })
    socket.on('disconnect', (reason) => say({ socket: name, event: 'disconnect', args: [reason] }))
    socket.onAny((event, ...args) => say({ socket: name, event, args }))
    say({ n, ok: true })
  },

  emit({ n, socket, event, args, ack }) {
    if (!ack) {
      sockets.get(socket).emit(event, ...args)
      return say({ n, ok: true })
    }
    sockets.get(socket).timeout(ACK_TIMEOUT_MS).emit(event, ...args, (error, ...answer) => {
      say(error ? { n, error: error.message } : { n, ack: answer })
    })
  },

  transport({ n, socket }) {
    say({ n, ok: sockets.get(socket).io.engine.transport.name })
  },

  // The link breaks without a farewell of Socket.IO's: a stock client notices and connects again by itself.
  cut({ n, socket }) {
    sockets.get(socket).io.engine.close()
    say({ n, ok: true })
  },

  // The cable is pulled: the TCP connection is reset, the other side is told nothing.
  abort({ n, socket: name }) {
    const socket = sockets.get(name)
    sockets.delete(name)
    socket.offAny()
    socket.io.reconnection(false)
    const { transport } = socket.io.engine
    transport.readyState = 'closed' // or it would say farewell
    transport.pollXhr?.abort()
    if (transport.ws?._socket) transport.ws._socket.resetAndDestroy()
    else transport.ws?.terminate()
    transport.emit('error', new Error('aborted'))
    say({ n, ok: true })
  },

  close({ n, socket }) {
    sockets.get(socket).disconnect()
    sockets.delete(socket)
    say({ n, ok: true })
  },
}

readline
  .createInterface({ input: process.stdin })
  .on('line', (line) => {
    const command = JSON.parse(line)
    try {
      commands[command.do](command)
    } catch (error) {
      say({ n: command.n, error: String(error) })
    }
  })
  .on('close', () => process.exit(0))
