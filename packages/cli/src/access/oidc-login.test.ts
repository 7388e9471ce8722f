import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { approveDevice, OIDC_CLIENT, OidcRoom } from "@mpo/coordinator/testing";
import { type Clock, systemClock } from "@mpo/io";
import { type DevicePage, logInAtProvider, type OidcProvider, refreshLogin } from "./oidc-login.ts";

/** Twenty times as fast: the protocol wants five seconds between two questions. */
const clock: Clock = { ...systemClock, sleep: (ms, options) => systemClock.sleep(ms / 20, options) };

void describe("a login at an OpenID provider", () => {
  let room: OidcRoom;
  let provider: OidcProvider;
  before(async () => {
    room = await OidcRoom.open();
    provider = { issuer: room.issuer, clientId: OIDC_CLIENT };
    room.groups.set("ann", ["ops"]);
  });
  after(async () => await room[Symbol.asyncDispose]());

  void it("is done on a page by the person, and renewed without", async () => {
    const pages: DevicePage[] = [];
    const { signal } = new AbortController();
    let approved: Promise<string> | undefined;
    const show = (page: DevicePage): void => {
      pages.push(page);
      approved = approveDevice(page.url, { user: "ann" });
    };
    const first = await logInAtProvider(provider, { signal, clock, show });
    await approved;
    const [page] = pages;
    assert.match(page?.code ?? "", /^[A-Z]{4}-[A-Z]{4}$/u);
    assert.ok(page?.url.startsWith(`${room.issuer}/device`));
    assert.equal(page?.validMs, 600_000);
    assert.deepEqual([first.issuer, first.clientId], [room.issuer, OIDC_CLIENT]);
    assert.deepEqual(claimsOf(first.token)["groups"], ["ops"]);
    assert.ok(Math.abs(first.expiresAtMs - Date.now() - 600_000) < 10_000);

    room.groups.set("ann", ["others"]);
    const second = await refreshLogin(first, signal);
    assert.deepEqual(claimsOf(second.token)["groups"], ["others"]);
    assert.notEqual(second.refreshToken, first.refreshToken);
    // The provider sees a refresh token twice: somebody has copied it.
    await assert.rejects(refreshLogin(first, signal), { code: "unauthenticated", message: /no further token/u });
    await assert.rejects(refreshLogin(second, signal), { code: "unauthenticated" });
    const { refreshToken: _, ...without } = second;
    await assert.rejects(refreshLogin(without, signal), { code: "unauthenticated" });
  });

  void it("gives no token that is too long to go with every call", async () => {
    room.groups.set(
      "cat",
      Array.from({ length: 1_000 }, (_, index) => `group ${index}`),
    );
    const { id_token: token, refresh_token: refreshToken } = await room.logIn("cat");
    const login = { ...provider, token, refreshToken, expiresAtMs: 0 };
    await assert.rejects(refreshLogin(login, new AbortController().signal), {
      code: "unsupported",
      hint: /fewer groups/u,
    });
  });

  void it("is denied when the person denies it", async () => {
    const show = ({ url }: DevicePage): void => void approveDevice(url, { user: "ann", isDenying: true });
    const { signal } = new AbortController();
    await assert.rejects(logInAtProvider(provider, { signal, clock, show }), {
      code: "permission-denied",
      message: /denied/u,
    });
  });

  void it("ends at Ctrl-C, before it would have asked again", async () => {
    const ends = new AbortController();
    const login = logInAtProvider(provider, {
      signal: ends.signal,
      clock,
      show: () => setTimeout(() => ends.abort(), 50),
    });
    const beganMs = Date.now();
    await assert.rejects(login, { code: "cancelled" });
    // A provider is asked every 5 s at most (RFC 8628, section 3.2).
    assert.ok(Date.now() - beganMs < 4_000);
  });
});

void describe("an OpenID provider that is not as it should be", () => {
  const logIn = async (room: OidcRoom, clientId: string = OIDC_CLIENT): Promise<unknown> =>
    await logInAtProvider(
      { issuer: room.issuer, clientId },
      { signal: new AbortController().signal, clock, show: () => assert.fail("there is nothing to show") },
    );

  void it("is reported: it knows the client not, is down, has no device flow, or sends people elsewhere", async () => {
    await using room = await OidcRoom.open();
    await assert.rejects(logIn(room, "nobody"), { code: "precondition-failed", message: /invalid_client/u });
    const answering = (
      device: object,
      metadata: object = { device_authorization_endpoint: `${room.issuer}/x` },
    ): void => {
      room.instead = (request, response) => {
        const answer =
          request.url === "/x" ? device : { issuer: room.issuer, token_endpoint: room.issuer, ...metadata };
        response.setHeader("content-type", "application/json").end(JSON.stringify(answer));
      };
    };
    answering({}, {});
    await assert.rejects(logIn(room), { code: "unsupported", message: /no device flow/u });
    const device = { device_code: "d", user_code: "u", expires_in: 60 };
    answering({ ...device, verification_uri: "http://example.com/device" });
    await assert.rejects(logIn(room), { code: "invalid-data", message: /https/u });
    answering({}, { issuer: "http://127.0.0.1:1" });
    await assert.rejects(logIn(room), { code: "unavailable", message: /issuer/u });
    await room.down();
    await assert.rejects(logIn(room), { code: "unavailable", message: /does not answer/u });
  });

  void it("waits no longer than the provider says, and asks https alone beyond this machine", async () => {
    await using room = await OidcRoom.open();
    room.instead = (request, response) => {
      const device = {
        device_code: "d",
        user_code: "u\u001b[31m",
        expires_in: 1,
        verification_uri: `${room.issuer}/p`,
      };
      const metadata = {
        issuer: room.issuer,
        token_endpoint: room.issuer,
        device_authorization_endpoint: `${room.issuer}/x`,
      };
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(request.url === "/x" ? device : metadata));
    };
    const codes: string[] = [];
    const { signal } = new AbortController();
    const provider = { issuer: room.issuer, clientId: OIDC_CLIENT };
    await assert.rejects(logInAtProvider(provider, { signal, clock, show: ({ code }) => void codes.push(code) }), {
      code: "timed-out",
      message: /nobody has approved/u,
    });
    assert.deepEqual(codes, ["u [31m"]);
    const far = { issuer: "http://id.example", clientId: OIDC_CLIENT };
    await assert.rejects(logInAtProvider(far, { signal, clock, show: () => undefined }), {
      code: "unavailable",
      message: /HTTPS/u,
    });
  });
});

function claimsOf(token: string): Readonly<Record<string, unknown>> {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as Readonly<
    Record<string, unknown>
  >;
}
