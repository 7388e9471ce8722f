import { BUCKETS, STREAMS } from "./fleet-layout.ts";
import { bucketStream } from "./store-layout.ts";

/**
 * The order in which the streams of a store that is written to are copied. What names something else comes before it:
 * then all that is named is in the copy too, as it was then or newer. Where two are written one after the other, the one
 * that is written last comes first: the copy is then as after a crash between the two writes, which every coordinator
 * mends. What lets somebody in comes before what was used up for it.
 */
const ORDER: readonly string[] = [
  // Rollouts say what was given to whom; who leads next goes on from there, and a request that was answered is found.
  BUCKETS.rollout,
  BUCKETS.rolloutPart,
  BUCKETS.work,
  // What devices say of documents is no use without them.
  BUCKETS.status,
  BUCKETS.reported,
  // A document goes into the archive before it is the newest.
  BUCKETS.desired,
  BUCKETS.archive,
  BUCKETS.ident,
  BUCKETS.prior,
  BUCKETS.profile,
  BUCKETS.chain,
  BUCKETS.model,
  BUCKETS.chunk,
  BUCKETS.adaptation,
  BUCKETS.group,
  BUCKETS.enrolment,
  BUCKETS.revoked,
  BUCKETS.token,
  BUCKETS.access,
  BUCKETS.authority,
  BUCKETS.health,
];

/** Names of all streams of the fleet's store. The events come last: none is missing of what the rest holds. */
export const COPY_ORDER: readonly string[] = [...ORDER.map(bucketStream), ...Object.values(STREAMS)];
