export type { AckMeaning, Fsync } from './ack-meaning.ts'
export { type CreateOptions, createTransport, type Transport } from './create-transport.ts'
export { DEAD_LETTER_REASONS, type DeadLetter, type DeadLetterPage, type DeadLetterReason } from './dead-letter.ts'
export { type RetryResult, retryDeadLetters } from './dead-letter-retry.ts'
export { CONSUMING, type Consuming, type DeliveryHeaders, DRAINING, MESSAGE_ID_HEADER } from './delivery.ts'
export type { HandOverOutcome, Place } from './hand-over.ts'
export type { PayloadCodec, PayloadCodecs } from './payload-codec.ts'
export { Replay, type ReplayOptions, type ReplayState, readEvents } from './replay.ts'
export {
  type DeadLetters,
  type GroupState,
  type StoredEvent,
  type StreamControl,
  type StreamState,
  streamControlOf
} from './stream-control.ts'
export { type GivenStream, STREAM_DEFAULTS } from './stream-defaults.ts'
export type { StreamSpec, StreamStart } from './stream-spec.ts'
export type { TransportCounters } from './transport-counters.ts'
export { TRANSPORT_ERRORS, TransportError, type TransportErrorCode } from './transport-error.ts'
export { TRANSPORT_DEFAULTS, type TransportOptions } from './transport-options.ts'
export type { MemorySetting, NatsSetting, TlsSetting, TransporterSetting } from './transporter-setting.ts'
export { type Emitter, type EventHandler, type TypedEvents, typedEvents } from './typed-events.ts'
