/**
 * What a subscription gives: a message, or `gap`, which says that messages may have been missed (the connection was
 * lost, or the reader was slower than the sender): read the state that the messages were about.
 */
export type Notification =
  | { readonly kind: "message"; readonly subject: string; readonly data: Uint8Array }
  | { readonly kind: "gap" };

export interface SubscribeOptions {
  /** Ends the subscription: the iteration ends without an error. */
  readonly signal: AbortSignal;
}

/**
 * Messages that are not stored: a hint to look, never the state. They may be lost, doubled, late or out of order.
 */
export interface NotifyBus {
  /** Sends to everybody who listens now. Throws `unavailable` after `close`. Never waits. */
  publish(subject: string, data: Uint8Array): void;
  /**
   * Listens to a subject (NATS wildcards allowed). When the promise resolves, the subscription is in force: what is
   * published from then on is delivered or reported as a `gap`. Read it with one `for await`.
   */
  subscribe(subject: string, options: SubscribeOptions): Promise<AsyncIterable<Notification>>;
  /** Ends all subscriptions, and lets go of the connection if it is the bus's own. */
  close(): Promise<void>;
}
