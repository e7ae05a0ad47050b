/** Which transporter a broker uses. */
export type TransporterSetting =
  | { kind: 'memory' }
  | { kind: 'nats'; servers: string[]; user?: string; password?: string }
