import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { type ClientRequest, request } from "node:http";
import { connect as connectTcp, type Socket } from "node:net";
import { connect, type DetailedPeerCertificate, type TLSSocket } from "node:tls";
import { MpoError } from "@mpo/core";
import { COORDINATOR_NAME } from "@mpo/identity";
import { type Abortable, addressOf, onAbort, withDeadline } from "@mpo/io";
import { proxyFor } from "./proxy.ts";
import { tlsFailure } from "./tls-failure.ts";

/** Certificates above a server's own that are looked at. */
const MAX_CERTIFICATES = 8;

/**
 * The certificates that a server shows, its own first, as PEM. Nothing is sent, and nothing of them is checked here: for
 * joining, where a fingerprint says what to believe. Throws `unavailable` and `timed-out`.
 */
export async function fetchChain(
  target: string,
  { signal, timeoutMs = 10_000 }: Abortable & { readonly timeoutMs?: number } = {},
): Promise<string> {
  const fetched = async (within: AbortSignal): Promise<string> => {
    const socket = await reached(target, within);
    using _ending = onAbort(within, () => socket.destroy());
    try {
      const tls = connect({
        ...{ socket, servername: COORDINATOR_NAME, ALPNProtocols: ["h2"], minVersion: "TLSv1.3" },
        // Whoever asks compares a fingerprint: nothing else is known of the fleet yet.
        rejectUnauthorized: false,
      });
      await arrived(tls, "secureConnect", target, within);
      if (tls.alpnProtocol !== "h2") throw unreachable(target, "no application protocol");
      const chain = chainOf(tls);
      // Left at once, the server would report a handshake that failed.
      await once(tls.resume().end(), "close", { signal: within });
      return chain;
    } finally {
      socket.destroy();
    }
  };
  return await withDeadline(`the TLS handshake with ${target}`, timeoutMs, fetched, { ...(signal && { signal }) });
}

/** A connection to a target, by way of the proxy through which gRPC would go. */
async function reached(target: string, signal: AbortSignal): Promise<Socket> {
  const proxy = proxyFor(target);
  const to = proxy?.address ?? target;
  const { host, port } = addressOf(to);
  if (proxy === undefined) {
    const socket = connectTcp({ host, port, signal });
    await arrived(socket, "connect", target, signal);
    return socket;
  }
  const asked = request({ host, port, method: "CONNECT", path: target, headers: { Host: target }, signal }).end();
  const [{ statusCode }, socket] = (await arrived(asked, "connect", target, signal)) as [
    { statusCode: number },
    Socket,
  ];
  if (statusCode === 200) return socket;
  socket.destroy();
  throw new MpoError(
    "unavailable",
    `the proxy ${proxy.address} from ${proxy.variable} does not let through to ${target}`,
  );
}

/** Waits for an event; failures say where they happened. */
async function arrived(
  source: ClientRequest | Socket,
  name: string,
  target: string,
  signal: AbortSignal,
): Promise<readonly unknown[]> {
  // What fails later has been read already.
  source.on("error", () => undefined);
  try {
    return await once(source, name, { signal });
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    throw unreachable(target, (thrown as Error).message);
  }
}

function unreachable(target: string, why: string): MpoError {
  const error = new MpoError("unavailable", `${target} cannot be reached: ${why}`, {
    hint: "Check that a coordinator runs there with --listen 0.0.0.0:7443 or the like, and that no firewall is in the way.",
  });
  return tlsFailure(error, target, true) ?? error;
}

function chainOf(tls: TLSSocket): string {
  const chain: string[] = [];
  let next: DetailedPeerCertificate | undefined = tls.getPeerCertificate(true);
  while (next?.raw !== undefined && chain.length < MAX_CERTIFICATES) {
    chain.push(new X509Certificate(next.raw).toString());
    next = next.issuerCertificate === next ? undefined : next.issuerCertificate;
  }
  if (chain.length === 0) throw new MpoError("unavailable", "the server shows no certificate");
  return chain.join("");
}
