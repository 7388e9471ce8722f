import type fc from "fast-check";
import {
  ADMIN_SERVICE,
  artifactManifestCodec,
  chainCodec,
  desiredDocumentCodec,
  desiredEnvelopeCodec,
  explanationCodec,
  FLEET_SERVICE,
  profileCodec,
  windowResultCodec,
} from "../index.ts";
import type { MessageCodec } from "../message-codec.ts";
import { valuesOf } from "./values.ts";

/** A codec with good values of it. */
export interface CodecCase {
  readonly codec: MessageCodec<unknown>;
  readonly values: fc.Arbitrary<unknown>;
}

/** Every message that travels or is stored on its own. */
export const CODEC_CASES: readonly CodecCase[] = [
  artifactManifestCodec,
  desiredDocumentCodec,
  desiredEnvelopeCodec,
  chainCodec,
  profileCodec,
  windowResultCodec,
  explanationCodec,
  ...[...Object.values(FLEET_SERVICE), ...Object.values(ADMIN_SERVICE)].flatMap(({ request, response }) => [
    request,
    response,
  ]),
].map((codec) => ({ codec: codec as MessageCodec<unknown>, values: valuesOf(codec.schema) }));
