import { validityOf } from "@mpo/identity";
import type { CertificateTimes } from "../http/health-gauges.ts";
import type { FleetAuthority } from "./authority.ts";

/** From when until when a certificate is good. */
export type Validity = Pick<CertificateTimes, "notBeforeMs" | "notAfterMs">;

/** What the listeners show, and the newest authority: an older one ends when nobody needs it any more. */
export function certificatesOf(
  authority: Pick<FleetAuthority, "view"> | undefined,
  listener: (() => Validity) | undefined,
): readonly CertificateTimes[] {
  const authorities = (authority?.view.certificates ?? []).map(({ certificatePem }) => validityOf(certificatePem));
  const newest = authorities.toSorted((one, other) => other.notAfterMs - one.notAfterMs).slice(0, 1);
  return [
    ...(listener === undefined ? [] : [{ name: "listener" as const, ...listener() }]),
    ...newest.map((validity) => ({ name: "authority" as const, ...validity })),
  ];
}
