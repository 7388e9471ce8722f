import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { connect } from "node:tls";
import { startOidcCoordinator } from "@mpo/cli/testing";
import { OIDC_CLIENT, OidcRoom } from "@mpo/coordinator/testing";
import { cacheFolder } from "@mpo/datasets";
import type { Page } from "playwright-core";
import { noChromium, openBrowser, visit } from "./browser.ts";
import { consoleFleet, noNats } from "./console-fleet.ts";

void describe("signing in, in a real browser", { skip: noNats || noChromium, timeout: 180_000 }, () => {
  void it("over TLS, with a certificate that the browser checks, and a cookie for this host alone", async (t) => {
    // Not loopback to the coordinator, and yet no other machine reaches it.
    const fleet = await consoleFleet(t, ["one"], { settings: { http: { host: "::ffff:127.0.0.1", port: 0 } } });
    assert.match(fleet.origin, /^https:/u);
    const strict = { ignoreHTTPSErrors: false };
    const wary = await visit(await openBrowser(t), fleet.origin, strict);
    await assert.rejects(wary.page.goto("/"), /ERR_CERT_AUTHORITY_INVALID/u);
    const trusting = await openBrowser(t, [`--ignore-certificate-errors-spki-list=${await keyOf(fleet.origin)}`]);
    const { page, context, complaints } = await visit(trusting, fleet.origin, strict);
    await page.goto("/devices");
    await signInWith(page, await fleet.login("Ada", "viewer"), "Devices");
    await page.getByText("live", { exact: true }).waitFor();
    const [cookie] = await context.cookies();
    const { name, secure, httpOnly, sameSite, path } = cookie ?? assert.fail("there is no cookie");
    assert.deepEqual(
      { name, secure, httpOnly, sameSite, path },
      { name: "__Host-mpo", secure: true, httpOnly: true, sameSite: "Strict", path: "/" },
    );
    await signOut(page);
    assert.deepEqual(await context.cookies(), []);
    await t.test("a session of somebody else's choice is not taken over by who signs in next", async () => {
      const planted = "mpo_planted-by-somebody-else-0123456789abcdefghij";
      const plant = (value: string): Promise<void> =>
        context.addCookies([{ name, value, url: fleet.origin, secure: true, httpOnly: true, sameSite: "Strict" }]);
      await plant(planted);
      await page.reload();
      await signInWith(page, await fleet.login("Ben", "viewer"), "Devices");
      const [second] = await context.cookies();
      assert.notEqual(second?.value, planted);
      // Whoever has kept a session that is signed out has nothing.
      await signOut(page);
      await plant(second?.value ?? "");
      await page.reload();
      await page.getByLabel("Access token").waitFor();
    });
    assert.deepEqual(complaints, []);
  });

  void it("by an account of an OpenID provider: its button leads there and back", async (t) => {
    const room = await OidcRoom.open();
    t.after(async () => await room[Symbol.asyncDispose]());
    room.groups.set("ann", ["readers"]);
    room.groups.set("bob", ["others"]);
    const origin = await coordinatorWith(t, room);
    const browser = await openBrowser(t);
    const ann = await visit(browser, origin, {}, [room.issuer, FONTS]);
    await logIn(ann.page, room, "ann");
    await ann.page.getByRole("heading", { level: 1, name: "Fleet" }).waitFor();
    await ann.page.getByText(/^ann \(127\.0\.0\.1/u).waitFor();
    const bob = await visit(browser, origin, {}, [room.issuer, FONTS]);
    await logIn(bob.page, room, "bob");
    await bob.page
      .getByRole("alert")
      .getByText(/none with a role here/u)
      .waitFor();
    // The provider's own are of the same host.
    const names = (await bob.context.cookies(origin)).map(({ name }) => name);
    assert.ok(!names.some((name) => name.startsWith("mpo")), names.join(", "));
    assert.deepEqual([...ann.complaints, ...bob.complaints], []);
  });
});

async function signInWith(page: Page, line: string, title: string): Promise<void> {
  await page.getByLabel("Access token").fill(line);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { level: 1, name: title, exact: true }).waitFor();
}

async function signOut(page: Page): Promise<void> {
  await page.locator(".account summary").click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Access token").waitFor();
}

/** The digest of the public key that a server shows, as Chromium's list of exceptions takes it. */
async function keyOf(origin: string): Promise<string> {
  const { hostname: host, port } = new URL(origin);
  const raw = await new Promise<Buffer>((resolve, reject) => {
    const socket = connect({ host, port: Number(port), rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().raw);
      socket.destroy();
    });
    socket.once("error", reject);
  });
  const key = new X509Certificate(raw).publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(key).digest("base64");
}

/** `mpo coordinator`, which knows people by the provider. */
async function coordinatorWith(t: TestContext, { issuer }: OidcRoom): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "mpo-console-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const environment = {
    ...process.env,
    ...{ MPO_CACHE: cacheFolder(process.env, homedir()), HOME: folder, XDG_STATE_HOME: join(folder, "state") },
  };
  const { ready } = await startOidcCoordinator(t, { issuer, clientId: OIDC_CLIENT, folder }, { environment });
  return String(ready["console"]);
}

/** What the provider's pages ask for, and do not get. */
const FONTS = "https://fonts.googleapis.com";

/** Goes through the provider's pages as a person does. */
async function logIn(page: Page, { issuer }: OidcRoom, user: string): Promise<void> {
  await page.route(`${FONTS}/**`, (route) => route.abort());
  await page.goto("/");
  await page.getByRole("link", { name: `Sign in with ${new URL(issuer).host}` }).click();
  await page.locator("input[name=login]").fill(user);
  await page.locator("input[name=password]").fill("whatever");
  await page.locator("button[type=submit]").click();
  // Its question whether the program may know who it is.
  await page.locator("button[type=submit]").click();
}
