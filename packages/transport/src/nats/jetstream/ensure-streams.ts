import { MpoError } from "@mpo/core";
import { ifFound } from "@mpo/io";
import type { JetStreamManager, StreamConfig, StreamInfo } from "nats";
import type { StoreLayout } from "../../store/store-layout.ts";
import { natsError } from "../nats-error.ts";
import { type StreamPlan, streamPlans } from "./stream-configs.ts";

/** No stream ever needs more: coordinators watch, devices never do. */
const MAX_CONSUMERS = 64;

/** Settings that JetStream cannot change on a stream that exists. */
const FIXED = ["retention", "storage"] as const;
const CHANGEABLE = [
  "max_msgs_per_subject",
  "max_age",
  "max_bytes",
  "max_msg_size",
  "duplicate_window",
  "discard",
  "allow_direct",
  "num_replicas",
  "allow_rollup_hdrs",
] as const;
/** Protections that can be switched on but never off. */
const PROTECTIONS = ["deny_delete", "deny_purge"] as const;

/**
 * Makes the streams of a layout, or brings those that exist to it. Throws `precondition-failed` when one cannot be
 * brought there, has weaker promises than the layout (writes acknowledged before they are on disk), or is read by a
 * consumer a device: such a fleet would take the server down (deploy/decisions/5-own-ordered-consumer.md).
 */
export async function ensureStreams(manager: JetStreamManager, layout: StoreLayout, replicas: number): Promise<void> {
  for (const plan of streamPlans(layout, replicas)) {
    try {
      const looking = manager.streams.info(plan.name).catch((thrown: unknown) => {
        throw natsError(thrown, `stream ${plan.name}`);
      });
      const info = await ifFound(looking);
      if (info === undefined) await manager.streams.add(plan);
      else await bring(manager, info, plan);
    } catch (thrown) {
      throw natsError(thrown, `stream ${plan.name}`);
    }
  }
}

async function bring(manager: JetStreamManager, { config, state }: StreamInfo, plan: StreamPlan): Promise<void> {
  const fail = (what: string, hint: string): never => {
    throw new MpoError("precondition-failed", `stream ${plan.name} ${what}`, { hint });
  };
  const found: Partial<StreamConfig> & { readonly persist_mode?: string } = config;
  if (found.persist_mode === "async") {
    fail("acknowledges writes before they are on disk (persist_mode async)", "Create it again without persist_mode.");
  }
  if (state.consumer_count > MAX_CONSUMERS) {
    const hint = "Something creates a consumer per device: stop it, then delete its consumers (nats consumer rm).";
    fail(`has ${state.consumer_count} consumers; expected at most ${MAX_CONSUMERS}`, hint);
  }
  for (const key of FIXED) {
    if (plan[key] !== undefined && config[key] !== plan[key]) {
      fail(
        `has ${key} ${String(config[key])}; expected ${String(plan[key])}`,
        "Back it up, delete it and start again.",
      );
    }
  }
  for (const key of PROTECTIONS) {
    if (plan[key] === true && config[key] !== true) fail(`lacks ${key}`, "Back it up, delete it and start again.");
  }
  const isEqual =
    CHANGEABLE.every((key) => plan[key] === undefined || config[key] === plan[key]) &&
    plan.subjects.join() === config.subjects.join() &&
    plan.republish?.src === config.republish?.src &&
    plan.republish?.dest === config.republish?.dest;
  if (!isEqual) await manager.streams.update(plan.name, plan);
}
