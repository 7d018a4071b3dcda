// SPDX-License-Identifier: Apache-2.0
// /perf/1.0.0, both sides (perf.md): eight bytes say how much is wanted back, then what is sent up
// until the end of the stream, then what was wanted.

const PERF = '/perf/1.0.0'
const BLOCK = new Uint8Array(64 * 1024)

const drained = (stream) => new Promise((resolve, reject) => {
  stream.addEventListener('drain', resolve, { once: true })
  stream.addEventListener('close', () => reject(new Error('closed while sending')), { once: true })
})

async function sendBytes (stream, count) {
  while (count > 0) {
    const part = BLOCK.subarray(0, Math.min(count, BLOCK.length))
    count -= part.length
    if (!stream.send(part)) await drained(stream)
  }
}

export async function serve (node) {
  await node.handle(PERF, async (stream) => {
    try {
      let head = Buffer.alloc(0)
      for await (const chunk of stream) {
        if (head.length < 8) head = Buffer.concat([head, chunk.subarray().subarray(0, 8 - head.length)])
      }
      if (head.length < 8) throw new Error('the head is cut short')
      await sendBytes(stream, Number(head.readBigUInt64BE()))
      await stream.close()
    } catch (e) {
      stream.abort(e)
    }
  }, { maxInboundStreams: 64 })
}

// Seconds for what went up and for what came down, as its client sees them.
export async function run (node, peer, { up = 0, down = 0 }) {
  const stream = await node.dialProtocol(peer, PERF)
  const seconds = (from) => (performance.now() - from) / 1000
  const head = Buffer.alloc(8)
  head.writeBigUInt64BE(BigInt(down))
  const began = performance.now()
  if (!stream.send(head)) await drained(stream)
  await sendBytes(stream, up)
  await stream.close()
  let upSeconds, turned
  let count = 0
  const turn = () => {
    upSeconds ??= seconds(began)
    turned ??= performance.now()
  }
  for await (const chunk of stream) {
    turn()
    count += chunk.byteLength
  }
  turn()
  if (count !== down) throw new Error(`${count} bytes came where ${down} were wanted`)
  return { up_bytes: up, up_s: upSeconds, down_bytes: down, down_s: seconds(turned), wall_s: seconds(began) }
}
