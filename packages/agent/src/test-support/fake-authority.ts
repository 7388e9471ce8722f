import { MpoError } from "@mpo/core";
import {
  type Authority,
  authorityOfChain,
  createAuthority,
  createNatsAuthority,
  deviceUserJwt,
  fingerprintOf,
  issueDeviceCertificate,
  issueServerCertificate,
  keyDocumentOf,
  readCsr,
  rotateCertificateAuthority,
  rotateSigningKey,
  signDocument,
  trustedCertificates,
} from "@mpo/identity";
import type { Clock } from "@mpo/io";
import {
  type DesiredDocument,
  type DeviceIdentity,
  desiredDocumentCodec,
  desiredEnvelopeCodec,
  deviceKey,
  type EnrollRequest,
  type EnrollResponse,
  type EnrolmentState,
} from "@mpo/protocol";
import type { FleetDoor } from "../identity/fleet-door.ts";

/** Of a device, by its key. */
interface Known {
  identity: DeviceIdentity;
  state: EnrolmentState;
}

/** A fleet's identity as devices meet it, with real keys and certificates: who asks is let in, waits, or is turned away. */
export class FakeAuthority implements FleetDoor {
  readonly known = new Map<string, Known>();
  /** Each good for one use. */
  readonly tokens = new Set<string>();
  readonly requests: EnrollRequest[] = [];
  certificateMs = 7 * 86_400_000;
  /** Nobody answers. */
  isDown = false;
  /** How far its clock is ahead of the device's. */
  aheadMs = 0;
  authority: Authority;
  readonly #clock: Clock;

  private constructor(clock: Clock, authority: Authority) {
    this.#clock = clock;
    this.authority = authority;
  }

  static async create(clock: Clock): Promise<FakeAuthority> {
    const nats = createNatsAuthority();
    return new FakeAuthority(clock, await createAuthority({ fleetId: "test", nats, nowMs: clock.now() }));
  }

  get caPem(): string {
    return trustedCertificates(this.authority);
  }

  get caDigest(): string {
    return fingerprintOf(this.caPem);
  }

  get nowMs(): number {
    return this.#clock.now() + this.aheadMs;
  }

  /** What it says of the only device that came. */
  get only(): Known {
    const [known] = this.known.values();
    if (known === undefined) throw new MpoError("internal", "no device has come");
    return known;
  }

  async rotate({ keepsOlder = true } = {}): Promise<void> {
    const { nowMs } = this;
    this.authority = rotateSigningKey(await rotateCertificateAuthority(this.authority, { nowMs, keepsOlder }), {
      nowMs,
    });
  }

  /** A document as a coordinator signs it. */
  signed(document: DesiredDocument): Uint8Array {
    const bytes = desiredDocumentCodec.toBytes(document);
    const signatures = [signDocument(this.authority.signingKeyPem, bytes)];
    return desiredEnvelopeCodec.toBytes({ document: bytes, signatures });
  }

  readonly authorityAt: FleetDoor["authorityAt"] = async (_, anchor) => {
    this.#requireUp();
    if ("caPem" in anchor) return anchor.caPem;
    const [issuer] = this.authority.certificateAuthorities;
    if (issuer === undefined) throw new MpoError("internal", "no authority");
    const { certificatePem } = await issueServerCertificate(issuer, { dnsNames: ["a"], nowMs: this.nowMs });
    return authorityOfChain(certificatePem, anchor.caDigest);
  };

  readonly enroll: FleetDoor["enroll"] = async (request, { caPem }) => {
    this.#requireUp();
    if (!this.authority.certificateAuthorities.some(({ certificatePem }) => caPem.includes(certificatePem))) {
      throw new MpoError("unauthenticated", "the coordinator shows a certificate of another authority");
    }
    this.requests.push(request);
    return await this.answer(request);
  };

  /** To whoever asks, by whatever way. */
  async answer({ identity, joinToken, certificateRequest, natsPublicKey }: EnrollRequest): Promise<EnrollResponse> {
    const { publicKey, keyDigest } = await readCsr(certificateRequest ?? new Uint8Array());
    if (joinToken !== undefined && !this.tokens.delete(joinToken)) {
      throw new MpoError("unauthenticated", "the token is not good, or no longer");
    }
    const known = this.known.get(keyDigest) ?? { identity, state: "pending" };
    this.known.set(keyDigest, known);
    if (joinToken !== undefined) known.state = "accepted";
    const { nowMs } = this;
    const always = { identity: known.identity, serverTimeMs: nowMs };
    if (known.state === "pending") return { ...always, state: "pending", retryAfterSeconds: 10 };
    if (known.state !== "accepted") throw new MpoError("permission-denied", `this device is ${known.state}`);
    const [issuer] = this.authority.certificateAuthorities;
    if (issuer === undefined) throw new MpoError("internal", "no authority");
    const lifetime = { nowMs, lifetimeMs: this.certificateMs };
    const { nats, rootPublic } = this.authority;
    const user = { key: deviceKey(known.identity), publicNkey: natsPublicKey ?? "", nowMs };
    return {
      ...{ ...always, state: "accepted", retryAfterSeconds: 0 },
      credentials: {
        certificatePem: await issueDeviceCertificate(issuer, { publicKey, ...known.identity, ...lifetime }),
        authoritiesPem: this.caPem,
        natsJwt: deviceUserJwt(nats, { ...user, expiresAtMs: nowMs + this.certificateMs }),
        rootPublicKey: new Uint8Array(Buffer.from(rootPublic, "base64url")),
        keyDocument: keyDocumentOf(this.authority),
      },
    };
  }

  #requireUp(): void {
    if (this.isDown) throw new MpoError("unavailable", "nobody answers");
  }
}
