import { type Chain, chainSchema, type Profile, profileSchema } from "@mpo/core";
import { LIMITS } from "./limits.ts";
import { type MessageCodec, messageCodec } from "./message-codec.ts";
import { type Explanation, explanation } from "./messages/admin.ts";
import { type WindowResult, windowResult } from "./messages/report.ts";

// Parts of messages that are also stored by themselves.
export const chainCodec: MessageCodec<Chain> = messageCodec("Chain", chainSchema, LIMITS.profileBytes);
export const profileCodec: MessageCodec<Profile> = messageCodec("Profile", profileSchema, LIMITS.profileBytes);
export const windowResultCodec: MessageCodec<WindowResult> = messageCodec(
  "WindowResult",
  windowResult,
  LIMITS.deviceMessageBytes,
);
export const explanationCodec: MessageCodec<Explanation> = messageCodec(
  "Explanation",
  explanation,
  LIMITS.adminMessageBytes,
);
