use std::hint::black_box;
use std::mem::take;

use websocket_sans_io::{
    FrameInfo, Opcode, WebsocketFrameDecoder, WebsocketFrameEncoder, WebsocketFrameEvent,
};

use crate::engine::{BroadcastEngine, Engine, Out, Outcome, Sink, Unfit, refused};
use crate::heap::Idle;
use crate::workload::{Input, Outgoing, append_read};

pub(crate) struct WebsocketSansIo {
    decoder: WebsocketFrameDecoder,
    encoder: WebsocketFrameEncoder,
    input: Vec<u8>,
    output: Vec<u8>,
}

impl Engine for WebsocketSansIo {
    const NAME: &'static str = "websocket-sans-io";
    const DRIVEN: &'static str = "`WebsocketFrameDecoder::add_data`, `WebsocketFrameEncoder::start_frame`";

    fn new() -> Self {
        Self {
            decoder: WebsocketFrameDecoder::new(),
            encoder: WebsocketFrameEncoder::new(),
            input: Vec::new(),
            output: Vec::new(),
        }
    }

    fn decode(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome {
        for read in input.reads() {
            self.input.clear();
            append_read(&mut self.input, read);
            each_event(&mut self.decoder, &mut self.input, |event, bytes| match event {
                WebsocketFrameEvent::PayloadChunk { .. } => sink.piece(bytes, false),
                WebsocketFrameEvent::End { frame_info, .. } => sink.piece(&[], frame_info.fin),
                WebsocketFrameEvent::Start { .. } => {}
            })?;
        }
        Ok(())
    }

    fn decode_client(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome {
        // It has no role.
        self.decode(input, sink)
    }

    fn encode_server(&mut self, outgoing: &Outgoing, out: &mut Out) -> Outcome {
        self.output.clear();
        for payload in outgoing.each() {
            self.output.extend_from_slice(&self.encoder.start_frame(&binary(payload.len())));
            self.output.extend_from_slice(payload);
        }
        out.write(&self.output);
        Ok(())
    }

    fn encode_in_place(&mut self, outgoing: &mut Outgoing, out: &mut Out) -> Outcome {
        for _ in 0..outgoing.messages {
            let payload = black_box(outgoing.in_place.as_slice());
            out.write(&self.encoder.start_frame(&binary(payload.len())));
            out.write(payload);
        }
        Ok(())
    }

    fn encode_client(&mut self, _: &Outgoing, _: &mut Out) -> Outcome {
        Err(Unfit::Missing("it has no entropy of its own"))
    }

    fn echo(&mut self, input: &Input, out: &mut Out) -> Outcome {
        self.output.clear();
        let Self { decoder, encoder, input: buffer, output } = self;
        for read in input.reads() {
            buffer.clear();
            append_read(buffer, read);
            each_event(decoder, buffer, |event, bytes| match event {
                WebsocketFrameEvent::Start { frame_info, .. } => {
                    output.extend_from_slice(&encoder.start_frame(&FrameInfo { mask: None, ..frame_info }));
                }
                WebsocketFrameEvent::PayloadChunk { .. } => output.extend_from_slice(bytes),
                WebsocketFrameEvent::End { .. } => {}
            })?;
        }
        out.write(output);
        Ok(())
    }

    fn idle(input: &Input) -> Option<Idle> {
        let mut buffer = input.wire.to_vec();
        Some(Idle::of(|| {
            let mut decoder = WebsocketFrameDecoder::new();
            each_event(&mut decoder, &mut buffer, |_, _| {}).expect("it never refuses input");
            (decoder, WebsocketFrameEncoder::new())
        }))
    }
}

impl BroadcastEngine for WebsocketSansIo {
    type Message = &'static [u8];
    type Server = (WebsocketFrameEncoder, Vec<u8>);

    fn prepare(payload: &'static [u8]) -> Result<Self::Message, Unfit> {
        Ok(payload)
    }

    fn open() -> Result<Self::Server, Unfit> {
        Ok((WebsocketFrameEncoder::new(), Vec::new()))
    }

    fn send((encoder, output): &mut Self::Server, payload: &mut Self::Message, out: &mut Out) -> Outcome {
        output.clear();
        output.extend_from_slice(&encoder.start_frame(&binary(payload.len())));
        output.extend_from_slice(payload);
        out.write(output);
        Ok(())
    }
}

/// Passes on each event, with the bytes that it consumed.
#[inline]
fn each_event(
    decoder: &mut WebsocketFrameDecoder,
    mut input: &mut [u8],
    mut seen: impl FnMut(WebsocketFrameEvent, &[u8]),
) -> Outcome {
    loop {
        let result = decoder.add_data(input).map_err(refused)?;
        let (used, rest) = take(&mut input).split_at_mut(result.consumed_bytes);
        input = rest;
        match result.event {
            Some(event) => seen(event, used),
            None if used.is_empty() => return Ok(()),
            None => {}
        }
    }
}

fn binary(payload_len: usize) -> FrameInfo {
    FrameInfo {
        opcode: Opcode::Binary,
        payload_length: payload_len as u64,
        mask: None,
        fin: true,
        reserved: 0,
    }
}
