import { hasCode, MpoError } from "@mpo/core";
import type { CallOptions } from "@mpo/transport";
import type { ArtifactLink, FleetLink } from "../ports/fleet-link.ts";
import type { FleetMember } from "./fleet-member.ts";

/** What a link has to know of a member, and to let it know. */
export type LinkedMember = Pick<
  FleetMember,
  "renewals" | "trustDigest" | "isRefused" | "trustsTooLittle" | "takeNews" | "isRenewedSince"
>;

/**
 * A link of a device that proves who it is. A call that is refused because the fleet does not know the device by its
 * certificate (any more) is made again with a new one; a whole core need not know of it.
 */
export function memberLink(link: FleetLink, member: LinkedMember, nowMs: () => number): FleetLink {
  const proven = provenBy(member);
  const hello = proven(link.hello);
  const heartbeat = proven(link.heartbeat);
  /** Renewals when the coordinator last knew the device. */
  let enrolled = -1;
  return {
    // It is part of the fleet. Where a coordinator has forgotten what it is, it says so again.
    enroll: async ({ identity }, options) => {
      if (enrolled !== -1 && !(await member.isRenewedSince(enrolled, options))) {
        throw new MpoError("unavailable", "the fleet was not reached to enrol the device again");
      }
      enrolled = member.renewals;
      return { state: "accepted", identity, retryAfterSeconds: 0, serverTimeMs: nowMs() };
    },
    hello: async (request, options) => {
      const answer = await hello({ ...request, trustDigest: member.trustDigest }, options);
      if (answer.needsEnrolment === true) member.trustsTooLittle();
      return answer;
    },
    heartbeat: async (request, options) => {
      const answer = await heartbeat(request, options);
      // What was refused for want of the newer keys is offered again.
      return member.takeNews() ? { ...answer, needsHello: true } : answer;
    },
    reportProfile: proven(link.reportProfile),
    fetchProfile: proven(link.fetchProfile),
    reportStatus: proven(link.reportStatus),
  };
}

/** The same, of the calls that fetch models. */
export function memberArtifacts(link: ArtifactLink, member: LinkedMember): ArtifactLink {
  const proven = provenBy(member);
  return { getArtifact: proven(link.getArtifact), getArtifactChunk: proven(link.getArtifactChunk) };
}

function provenBy(member: LinkedMember) {
  return <Request, Response>(call: (request: Request, options?: CallOptions) => Promise<Response>) =>
    async (request: Request, options?: CallOptions): Promise<Response> => {
      const { renewals } = member;
      try {
        return await call(request, options);
      } catch (thrown) {
        if (hasCode(thrown, "permission-denied")) member.isRefused();
        if (!hasCode(thrown, "unauthenticated")) throw thrown;
        // The member goes on asking. Once it has new credentials, nobody should sleep on this refusal.
        if (!(await member.isRenewedSince(renewals, options))) throw notYet(thrown);
        return await call(request, options);
      }
    };
}

function notYet(cause: MpoError): MpoError {
  return new MpoError("unavailable", `no new credentials yet; the old are refused: ${cause.message}`, { cause });
}
