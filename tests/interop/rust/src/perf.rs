// SPDX-License-Identifier: Apache-2.0

//! /perf/1.0.0, both sides (perf.md): eight bytes say how much is wanted back, then what is sent up
//! until the end of the stream, then what was wanted.

use std::{sync::Arc, time::Instant};

use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::{PeerId, Stream, StreamProtocol};
use serde_json::{json, Value};

use crate::{node::Node, Params, Result};

const PERF: StreamProtocol = StreamProtocol::new("/perf/1.0.0");
const BLOCK_BYTES: usize = 64 * 1024;

async fn send_bytes(s: &mut Stream, mut count: u64) -> Result<()> {
    let block = vec![0; BLOCK_BYTES];
    while count > 0 {
        let n = s.write(&block[..count.min(BLOCK_BYTES as u64) as usize]).await?;
        count -= n as u64;
    }
    Ok(s.flush().await?)
}

/// Until the end of the stream. Returns how many came, and when the first or the end did.
async fn count_bytes(s: &mut Stream) -> Result<(u64, Instant)> {
    let mut block = vec![0; BLOCK_BYTES];
    let mut n = s.read(&mut block).await?;
    let (first, mut count) = (Instant::now(), n as u64);
    while n > 0 {
        n = s.read(&mut block).await?;
        count += n as u64;
    }
    Ok((count, first))
}

async fn answer(s: &mut Stream) -> Result<()> {
    let mut wanted = [0; 8];
    s.read_exact(&mut wanted).await?;
    count_bytes(s).await?;
    send_bytes(s, u64::from_be_bytes(wanted)).await?;
    Ok(s.close().await?)
}

pub fn serve(node: &Node) {
    let mut incoming = node.accepted.accept(PERF);
    tokio::spawn(async move {
        while let Some((_, mut s)) = incoming.recv().await {
            // A failure is the reset of the stream, which dropping it is.
            tokio::spawn(async move { answer(&mut s).await });
        }
    });
}

/// Seconds for what went up and for what came down, as its client sees them.
async fn run(node: &Node, to: PeerId, up: u64, down: u64) -> Result<(f64, f64)> {
    let mut s = node.control.clone().open_stream(to, PERF).await?;
    let began = Instant::now();
    s.write_all(&down.to_be_bytes()).await?;
    send_bytes(&mut s, up).await?;
    s.close().await?;
    let (count, first) = count_bytes(&mut s).await?;
    if count != down {
        return Err(format!("{count} bytes came where {down} were wanted").into());
    }
    Ok(((first - began).as_secs_f64(), first.elapsed().as_secs_f64()))
}

/// One transfer, or as many at once as `streams` says, which share the bytes.
pub async fn deed(node: &Arc<Node>, p: &Params) -> Result<Value> {
    let (to, up, down, streams) = (p.peer()?, p.number("up", 0), p.number("down", 0), p.number("streams", 1));
    let began = Instant::now();
    let runs = (0..streams).map(|_| {
        let node = node.clone();
        tokio::spawn(async move { run(&node, to, up / streams, down / streams).await })
    });
    let (mut up_s, mut down_s) = (0f64, 0f64);
    for done in futures::future::join_all(runs).await {
        let (up, down) = done??;
        (up_s, down_s) = (up_s.max(up), down_s.max(down));
    }
    Ok(json!({"up_bytes": up, "up_s": up_s, "down_bytes": down, "down_s": down_s,
        "wall_s": began.elapsed().as_secs_f64()}))
}
