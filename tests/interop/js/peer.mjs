// SPDX-License-Identifier: Apache-2.0
// A js-libp2p node, as published, that is led by JSON lines; ../README.md has the words.
//
//   in   {"id":1,"do":"dial","addr":"/ip4/…"}          out  {"id":1,"ok":true,…}
//                                                       out  {"id":1,"ok":false,"error":"…","name":"…"}
//        what a peer asks of it is told unasked:        out  {"event":"push","from":"12D3…",…}
//
// It listens on 127.0.0.1 alone and ends with its standard input.
import { webcrypto } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import readline from 'node:readline'

// js-libp2p asks for a younger Node.js than long-lived distributions have (18 in Debian 12); this is
// all of the language and its library that it lacks there.
Promise.withResolvers ??= function () {
  const out = {}
  out.promise = new Promise((resolve, reject) => Object.assign(out, { resolve, reject }))
  return out
}

globalThis.CustomEvent ??= class CustomEvent extends Event {
  constructor (type, init) {
    super(type, init)
    this.detail = init?.detail ?? null
  }
}
globalThis.crypto ??= webcrypto

const { createLibp2p } = await import('libp2p')
const { tcp } = await import('@libp2p/tcp')
const { quic } = await import('@chainsafe/libp2p-quic')
const { noise } = await import('@libp2p/noise')
const { tls } = await import('@libp2p/tls')
const { yamux } = await import('@libp2p/yamux')
const { identify } = await import('@libp2p/identify')
const { ping } = await import('@libp2p/ping')
const { generateKeyPair, generateKeyPairFromSeed } = await import('@libp2p/crypto/keys')
const { peerIdFromString } = await import('@libp2p/peer-id')
const { multiaddr } = await import('@multiformats/multiaddr')
const words = await import('./words.mjs')
const perf = await import('./perf.mjs')

const PULL = '/p2pos/membership/1.0.0'
const PUSH = '/p2pos/membership-push/1.0.0'
const HEARTBEAT = '/p2pos/heartbeat/1.0.0'
const STATUS = '/p2pos/status/1.0.0'
const PING = '/ipfs/ping/1.0.0'
const ADMIN = '/p2pos/admin/1.0.0'
const PATIENCE_MS = Number(process.env.P2POS_PATIENCE ?? 60) * 1000

const say = (what) => process.stdout.write(JSON.stringify(what) + '\n')
const encode = (what) => new TextEncoder().encode(typeof what === 'string' ? what : JSON.stringify(what))

const TCP_NOISE = 'tcp+noise+yamux'
const TCP_TLS = 'tcp+tls+yamux'
const QUIC = 'quic-v1'

const generate = {
  ed25519: () => generateKeyPair('Ed25519'),
  rsa: () => generateKeyPair('RSA', 2048),
  secp256k1: () => generateKeyPair('secp256k1')
}

async function identityKey ({ key: kind = 'ed25519', key_file: file, admin_key: text, seed }) {
  if (file != null) text = await readFile(file, 'utf8')
  if (text != null) return words.keyFromText(text)
  if (seed != null) return await generateKeyPairFromSeed('Ed25519', Buffer.from(seed, 'hex'))
  return await generate[kind]()
}

function connFields (c) {
  const stack = c.remoteAddr.toString().includes('/quic-v1')
    ? QUIC
    : { '/noise': TCP_NOISE, '/tls/1.0.0': TCP_TLS }[c.encryption]
  return { peer_id: c.remotePeer.toString(), muxer: c.multiplexer, security: c.encryption, direction: c.direction, stack }
}

let node, key
// What it answers when it is asked.
const serves = { snapshot: null, status: { peers: [] }, applied: { applied: true }, silent: false }

// ---- one JSON object out of a stream, whether or not the other side closes

async function readObject (stream) {
  const parts = []
  for await (const chunk of stream) {
    parts.push(Buffer.from(chunk.subarray()))
    const all = Buffer.concat(parts).toString()
    if (!all.trimEnd().endsWith('}')) continue
    try {
      return JSON.parse(all)
    } catch {
      // Not the whole of it yet.
    }
  }
  const all = Buffer.concat(parts).toString()
  return all.trim() === '' ? null : JSON.parse(all)
}

async function write (stream, what) {
  const bytes = encode(what)
  // In pieces, as a program would that does not know how much the other side takes.
  for (let at = 0; at < bytes.length; at += 60000) {
    if (!stream.send(bytes.subarray(at, at + 60000))) {
      await new Promise((resolve, reject) => {
        stream.addEventListener('drain', resolve, { once: true })
        stream.addEventListener('close', () => reject(new Error('closed while writing')), { once: true })
      })
    }
  }
}

function withPatience (promise) {
  let timer
  const late = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error('no answer in time')), PATIENCE_MS)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

async function ask (peer, protocol, what, close = true) {
  const stream = await node.dialProtocol(peerIdFromString(peer), protocol, {
    signal: AbortSignal.timeout(PATIENCE_MS)
  })
  if (what != null) await write(stream, what)
  if (close) await stream.close()
  const answer = await withPatience(readObject(stream))
  if (!close) await stream.close()
  return answer
}

async function echo (peer) {
  const stream = await node.dialProtocol(peerIdFromString(peer), PING)
  const sent = crypto.getRandomValues(new Uint8Array(32))
  const back = []
  stream.send(sent)
  for await (const chunk of stream) {
    back.push(...chunk.subarray())
    if (back.length >= 32) break
  }
  await stream.close()
  if (!Buffer.from(back).equals(Buffer.from(sent))) throw new Error('another echo')
  return {}
}

// ---- what is answered when p2posd asks

async function serve () {
  const handle = (protocol, f) => node.handle(protocol, async (stream, connection) => {
    try {
      await f(stream, connection.remotePeer.toString())
      await stream.close()
    } catch (e) {
      say({ event: 'stream_error', protocol, error: String(e.message) })
      stream.abort(e)
    }
  }, { maxInboundStreams: 128 })

  await handle(PULL, async (stream, from) => {
    say({ event: 'pull', from })
    if (serves.silent) return
    await write(stream, serves.snapshot == null
      ? { error: 'membership not initialized' }
      : { snapshot: serves.snapshot })
  })
  await handle(PUSH, async (stream, from) => {
    const snapshot = await readObject(stream)
    say({ event: 'push', from, snapshot })
    await write(stream, serves.applied)
  })
  await handle(HEARTBEAT, async (stream, from) => {
    const heartbeat = await readObject(stream)
    say({ event: 'heartbeat', from, heartbeat, genuine: await words.isGenuine(heartbeat) })
  })
  await handle(STATUS, async (stream, from) => {
    say({ event: 'status', from, request: await readObject(stream) })
    await write(stream, { generated_at: words.now(), ...serves.status })
  })
}

// ---- what it is told to do

const deeds = {
  async start ({ stacks = [TCP_NOISE], listen = true, protocols = true, ...identity }) {
    key = await identityKey(identity)
    const overTcp = stacks.some((s) => s !== QUIC)
    const securities = { [TCP_NOISE]: noise, [TCP_TLS]: tls }
    node = await createLibp2p({
      privateKey: key,
      addresses: {
        listen: listen ? [...overTcp ? ['/ip4/127.0.0.1/tcp/0'] : [], ...stacks.includes(QUIC) ? ['/ip4/127.0.0.1/udp/0/quic-v1'] : []] : []
      },
      transports: [...overTcp ? [tcp()] : [], ...stacks.includes(QUIC) ? [quic()] : []],
      connectionEncrypters: stacks.filter((s) => s !== QUIC).map((s) => securities[s]()),
      streamMuxers: overTcp ? [yamux()] : [],
      services: { identify: identify(), ping: ping() },
      connectionManager: { reconnectRetries: 0 },
      connectionMonitor: { enabled: false }
    })
    node.addEventListener('peer:disconnect', (e) => say({ event: 'gone', peer: e.detail.toString() }))
    node.addEventListener('peer:connect', (e) => say({ event: 'connected', peer: e.detail.toString() }))
    node.addEventListener('peer:identify', (e) => say({
      event: 'identified',
      peer: e.detail.peerId.toString(),
      agent: e.detail.agentVersion,
      protocol_version: e.detail.protocolVersion,
      protocols: e.detail.protocols,
      listen: e.detail.listenAddrs.map(String),
      observed: e.detail.observedAddr?.toString(),
      signed_record: e.detail.signedPeerRecord != null
    }))
    if (protocols) await serve()
    await perf.serve(node)
    return { peer_id: node.peerId.toString(), addrs: node.getMultiaddrs().map(String) }
  },

  async dial ({ addr }) {
    const c = await node.dial(multiaddr(addr), { signal: AbortSignal.timeout(PATIENCE_MS) })
    return connFields(c)
  },

  async connections () {
    return { connections: node.getConnections().map(connFields) }
  },

  async hangup ({ peer }) {
    await node.hangUp(peerIdFromString(peer))
    return {}
  },

  async ping ({ peer, count = 1 }) {
    const rtt = []
    for (let i = 0; i < count; i++) rtt.push(await node.services.ping.ping(peerIdFromString(peer)))
    return { rtt_ms: rtt }
  },

  async protocols ({ peer }) {
    const known = await node.peerStore.get(peerIdFromString(peer))
    return { protocols: known.protocols, addresses: known.addresses.map((a) => a.multiaddr.toString()) }
  },

  perf: async ({ peer, ...wanted }) => await perf.run(node, peerIdFromString(peer), wanted),
  pull: async ({ peer, close }) => ({ answer: await ask(peer, PULL, null, close) }),
  push: async ({ peer, snapshot, close }) => ({ answer: await ask(peer, PUSH, snapshot, close) }),
  status: async ({ peer, scope, close }) => ({ answer: await ask(peer, STATUS, scope == null ? {} : { scope }, close) }),
  admin: async ({ peer, proof }) => ({ answer: await ask(peer, ADMIN, { admin_proof: proof }) }),

  async heartbeat ({ peer, cluster_id: clusterId, ts }) {
    const h = await words.heartbeat(key, clusterId, ts ?? words.now())
    const stream = await node.dialProtocol(peerIdFromString(peer), HEARTBEAT)
    await write(stream, h)
    await stream.close()
    return { heartbeat: h }
  },

  // Many streams at once, each with a question of its own, of the protocols in turn.
  async many ({ peer, count, protocols }) {
    const asked = []
    for (let i = 0; i < count; i++) {
      const protocol = protocols[i % protocols.length]
      asked.push(protocol === PING ? echo(peer) : ask(peer, protocol, protocol === PULL ? null : {}))
    }
    const all = await Promise.allSettled(asked)
    return {
      answered: all.filter((a) => a.status === 'fulfilled' && a.value != null && a.value.error == null && a.value.applied !== true).length,
      errors: [...new Set(all.filter((a) => a.status === 'rejected').map((a) => String(a.reason.message)))]
    }
  },

  async serve (what) {
    for (const name of Object.keys(serves)) if (name in what) serves[name] = what[name]
    return {}
  },

  async sign ({ admin_key: adminKey, admin_proof: adminProof, cluster_id: clusterId, issued_at: issuedAt, members }) {
    return {
      snapshot: await words.snapshot(words.keyFromText(adminKey), adminProof, clusterId, issuedAt ?? words.now(), members)
    }
  },

  async prove ({ system_key: systemKey, cluster_id: clusterId, peer_id: peerId, valid_from: from, valid_to: to }) {
    return { admin_proof: await words.proof(words.keyFromText(systemKey), clusterId, peerId, from, to) }
  }
}

process.on('unhandledRejection', (e) => say({ event: 'unhandled', error: String(e?.stack ?? e) }))

async function obey (line) {
  const { id, do: deed, ...rest } = JSON.parse(line)
  try {
    if (deeds[deed] == null) throw new Error(`no such deed: ${deed}`)
    say({ id, ok: true, ...await deeds[deed](rest) })
  } catch (e) {
    say({ id, ok: false, error: String(e?.message ?? e), name: e?.name })
  }
}

readline.createInterface({ input: process.stdin })
  .on('line', (line) => { obey(line) })
  .on('close', async () => {
    await node?.stop()
    process.exit(0)
  })
