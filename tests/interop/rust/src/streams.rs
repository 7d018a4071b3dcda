// SPDX-License-Identifier: Apache-2.0

//! The p2pos protocols as one stream each: what is asked, and what is answered as it was told to be.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::{PeerId, Stream, StreamProtocol};
use serde_json::{json, Value};

use crate::{in_time, node::Node, say, words, Params, Result};

pub const PULL: StreamProtocol = StreamProtocol::new("/p2pos/membership/1.0.0");
pub const PUSH: StreamProtocol = StreamProtocol::new("/p2pos/membership-push/1.0.0");
pub const HEARTBEAT: StreamProtocol = StreamProtocol::new("/p2pos/heartbeat/1.0.0");
pub const STATUS: StreamProtocol = StreamProtocol::new("/p2pos/status/1.0.0");
pub const ADMIN: StreamProtocol = StreamProtocol::new("/p2pos/admin/1.0.0");
const PING: StreamProtocol = StreamProtocol::new("/ipfs/ping/1.0.0");
const PING_BYTES: usize = 32;

/// What it answers when it is asked.
pub struct Serves {
    snapshot: Value,
    status: Value,
    applied: Value,
    silent: bool,
}

impl Default for Serves {
    fn default() -> Self {
        Serves {
            snapshot: Value::Null,
            status: json!({"peers": []}),
            applied: json!({"applied": true}),
            silent: false,
        }
    }
}

impl Serves {
    /// What the parameters do not name stays as it is; null is a value.
    pub fn change(&mut self, p: &Value) -> Value {
        let take = |name: &str, into: &mut Value| {
            if let Some(v) = p.get(name) {
                *into = v.clone();
            }
        };
        take("snapshot", &mut self.snapshot);
        take("status", &mut self.status);
        take("applied", &mut self.applied);
        self.silent = p["silent"].as_bool().unwrap_or(self.silent);
        json!({})
    }
}

/// One JSON object out of a stream, whether or not the other side closes; null where nothing came.
async fn read_object(s: &mut Stream) -> Result<Value> {
    let mut all = vec![];
    let mut piece = vec![0; 64 * 1024];
    loop {
        let n = s.read(&mut piece).await?;
        all.extend_from_slice(&piece[..n]);
        let text = all.trim_ascii();
        if n == 0 && text.is_empty() {
            return Ok(Value::Null);
        }
        if n == 0 || text.ends_with(b"}") {
            match serde_json::from_slice(text) {
                Ok(what) => return Ok(what),
                Err(e) if n == 0 => return Err(e.into()),
                Err(_) => (), // not the whole of it yet
            }
        }
    }
}

async fn write(s: &mut Stream, what: &Value) -> Result<()> {
    s.write_all(format!("{what}\n").as_bytes()).await?;
    Ok(s.flush().await?)
}

async fn open(node: &Node, to: PeerId, protocol: StreamProtocol) -> Result<Stream> {
    in_time(async { Ok(node.control.clone().open_stream(to, protocol).await?) }).await
}

/// Opens a stream, says `what` and returns the answer; keeps its side open until then where
/// `closes` is false.
async fn ask(
    node: &Node,
    to: PeerId,
    protocol: StreamProtocol,
    what: Option<&Value>,
    closes: bool,
) -> Result<Value> {
    let mut s = open(node, to, protocol).await?;
    in_time(async {
        if let Some(what) = what {
            write(&mut s, what).await?;
        }
        if closes {
            s.close().await?;
        }
        let answer = read_object(&mut s).await?;
        if !closes {
            s.close().await?;
        }
        Ok(answer)
    })
    .await
}

pub async fn ask_deed(
    node: &Node,
    p: &Params,
    protocol: StreamProtocol,
    what: Option<Value>,
) -> Result<Value> {
    let answer = ask(node, p.peer()?, protocol, what.as_ref(), p.flag("close", true)).await?;
    Ok(json!({"answer": answer}))
}

pub fn scope(p: &Params) -> Value {
    p.text("scope").map_or(json!({}), |scope| json!({"scope": scope}))
}

// ---- what is answered

/// One of the four protocols with what it says and answers. A heartbeat has no answer.
async fn answer(s: &mut Stream, protocol: &StreamProtocol, from: &str, serves: &Mutex<Serves>) -> Result<()> {
    let asked = if *protocol == PULL { Value::Null } else { read_object(s).await? };
    let told = if *protocol == PULL {
        json!({"event": "pull", "from": from})
    } else if *protocol == PUSH {
        json!({"event": "push", "from": from, "snapshot": asked})
    } else if *protocol == HEARTBEAT {
        json!({"event": "heartbeat", "from": from, "heartbeat": asked, "genuine": words::is_genuine(&asked)})
    } else {
        json!({"event": "status", "from": from, "request": asked})
    };
    say(told);
    let answer = {
        let serves = serves.lock().unwrap();
        if *protocol == HEARTBEAT || (*protocol == PULL && serves.silent) {
            return Ok(());
        } else if *protocol == PUSH {
            serves.applied.clone()
        } else if *protocol == STATUS {
            let mut status = serves.status.clone();
            status["generated_at"] = words::now().into();
            status
        } else if serves.snapshot.is_null() {
            json!({"error": "membership not initialized"})
        } else {
            json!({"snapshot": serves.snapshot})
        }
    };
    write(s, &answer).await
}

pub fn serve(node: &Node, serves: &Arc<Mutex<Serves>>) {
    for protocol in [PULL, PUSH, HEARTBEAT, STATUS] {
        let mut incoming = node.accepted.accept(protocol.clone());
        let serves = serves.clone();
        tokio::spawn(async move {
            while let Some((from, mut s)) = incoming.recv().await {
                let (serves, protocol) = (serves.clone(), protocol.clone());
                tokio::spawn(async move {
                    let done = in_time(async {
                        answer(&mut s, &protocol, &from.to_string(), &serves).await?;
                        Ok(s.close().await?)
                    });
                    if let Err(e) = done.await {
                        say(
                            json!({"event": "stream_error", "protocol": protocol.as_ref(), "error": e.to_string()}),
                        );
                    }
                });
            }
        });
    }
}

// ---- ping, heartbeats, and many streams at once

/// Milliseconds of `count` echoes on one stream. libp2p's own pings come when they want.
pub async fn pings(node: &Node, to: PeerId, count: u64) -> Result<Vec<f64>> {
    let mut s = open(node, to, PING).await?;
    in_time(async {
        let mut rtt = vec![];
        for i in 0..count {
            let sent = [i as u8 ^ 0x5a; PING_BYTES];
            let mut back = [0; PING_BYTES];
            let began = Instant::now();
            s.write_all(&sent).await?;
            s.flush().await?;
            s.read_exact(&mut back).await?;
            rtt.push(began.elapsed().as_micros() as f64 / 1000.0);
            if sent != back {
                return Err("another echo".into());
            }
        }
        s.close().await?;
        Ok(rtt)
    })
    .await
}

pub async fn ping(node: &Node, p: &Params) -> Result<Value> {
    Ok(json!({"rtt_ms": pings(node, p.peer()?, p.number("count", 1)).await?}))
}

pub async fn heartbeat(node: &Node, p: &Params) -> Result<Value> {
    let ts = p.text("ts").map_or_else(|_| words::now(), str::to_owned);
    let h = words::heartbeat(&node.key, p.text("cluster_id")?, &ts)?;
    let mut s = open(node, p.peer()?, HEARTBEAT).await?;
    in_time(async {
        write(&mut s, &h).await?;
        Ok(s.close().await?)
    })
    .await?;
    Ok(json!({"heartbeat": h}))
}

/// Many streams at once, each with a question of its own, of the protocols in turn.
pub async fn many(node: &Arc<Node>, p: &Params) -> Result<Value> {
    let (to, protocols) = (p.peer()?, p.texts("protocols"));
    let asked = (0..p.number("count", 1) as usize).map(|i| {
        let (node, protocol) = (node.clone(), protocols[i % protocols.len()].clone());
        async move {
            if protocol == PING.as_ref() {
                return pings(&node, to, 1).await.map(|_| ());
            }
            let what = (protocol != PULL.as_ref()).then(|| json!({}));
            let protocol = StreamProtocol::try_from_owned(protocol)?;
            let answer = ask(&node, to, protocol, what.as_ref(), true).await?;
            match (&answer, answer["error"].as_str()) {
                (_, Some(e)) => Err(e.to_owned().into()),
                (Value::Null, _) => Err("no answer".into()),
                _ => Ok(()),
            }
        }
    });
    let all = futures::future::join_all(asked).await;
    let mut errors: Vec<_> = all.iter().filter_map(|r| r.as_ref().err().map(ToString::to_string)).collect();
    errors.sort();
    errors.dedup();
    Ok(json!({"answered": all.iter().filter(|r| r.is_ok()).count(), "errors": errors}))
}
