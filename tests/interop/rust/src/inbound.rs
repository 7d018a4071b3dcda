// SPDX-License-Identifier: Apache-2.0

//! Streams that others open. libp2p-stream hands over one at a time and drops what comes meanwhile;
//! here each is taken, so that it is the other side alone that is tested.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::{ready, Ready};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use libp2p::core::upgrade::{DeniedUpgrade, InboundUpgrade, UpgradeInfo};
use libp2p::core::{transport::PortUse, Endpoint};
use libp2p::swarm::handler::{ConnectionEvent, ConnectionHandler, FullyNegotiatedInbound};
use libp2p::swarm::{
    ConnectionDenied, ConnectionHandlerEvent, ConnectionId, FromSwarm, NetworkBehaviour, SubstreamProtocol,
    THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId, Stream, StreamProtocol};
use tokio::sync::mpsc;

pub type Arrived = (PeerId, Stream);

/// What is accepted, and who takes it; shared by the node and its connections.
#[derive(Clone, Default)]
pub struct Accepted(Arc<Mutex<HashMap<StreamProtocol, mpsc::UnboundedSender<Arrived>>>>);

impl Accepted {
    /// Connections made from now on offer this protocol.
    pub fn accept(&self, protocol: StreamProtocol) -> mpsc::UnboundedReceiver<Arrived> {
        let (give, take) = mpsc::unbounded_channel();
        self.0.lock().unwrap().insert(protocol, give);
        take
    }
}

/// The upgrade that offers all of them and gives the stream with the one that was asked for.
pub struct Offer(Vec<StreamProtocol>);

impl UpgradeInfo for Offer {
    type Info = StreamProtocol;
    type InfoIter = std::vec::IntoIter<StreamProtocol>;
    fn protocol_info(&self) -> Self::InfoIter {
        self.0.clone().into_iter()
    }
}

impl InboundUpgrade<Stream> for Offer {
    type Output = (Stream, StreamProtocol);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;
    fn upgrade_inbound(self, stream: Stream, asked: StreamProtocol) -> Self::Future {
        ready(Ok((stream, asked)))
    }
}

pub struct Handler {
    accepted: Accepted,
    peer: PeerId,
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Infallible;
    type ToBehaviour = Infallible;
    type InboundProtocol = Offer;
    type OutboundProtocol = DeniedUpgrade;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Offer> {
        SubstreamProtocol::new(Offer(self.accepted.0.lock().unwrap().keys().cloned().collect()), ())
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ConnectionHandlerEvent<DeniedUpgrade, (), Infallible>> {
        Poll::Pending
    }

    fn on_behaviour_event(&mut self, event: Infallible) {
        match event {}
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<Offer, DeniedUpgrade>) {
        if let ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
            protocol: (stream, asked),
            ..
        }) = event
        {
            if let Some(give) = self.accepted.0.lock().unwrap().get(&asked) {
                let _ = give.send((self.peer, stream)); // nobody takes it any more: it is dropped
            }
        }
    }
}

pub struct Behaviour {
    accepted: Accepted,
}

impl Behaviour {
    pub fn new(accepted: Accepted) -> Self {
        Behaviour { accepted }
    }

    fn handler(&self, peer: PeerId) -> Handler {
        Handler { accepted: self.accepted.clone(), peer }
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Infallible;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(peer))
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(peer))
    }

    fn on_swarm_event(&mut self, _: FromSwarm) {}

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Infallible, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}
