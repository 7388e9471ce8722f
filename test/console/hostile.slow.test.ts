import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { noChromium } from "./browser.ts";
import { noNats } from "./console-fleet.ts";
import { openRoom, planted, type Room, ready, SCRIPT } from "./hostile-room.ts";

void describe("the console runs nothing that it is told", { skip: noNats || noChromium, timeout: 300_000 }, () => {
  void it("whatever devices say, and other sites do", async (t) => {
    const room = await openRoom(t);
    await signIn(room);
    await t.test("nothing that a device or an address says is run", () => inert(room));
    await t.test("no other site's page frames it, or acts through it", () => apart(room));
    await t.test("an admin decides which of two a device is, renames it, retires it, removes it", () => life(room));
    assert.deepEqual(room.visitor.complaints, []);
  });
});

async function signIn({ line, visitor: { page } }: Room): Promise<void> {
  await page.goto("/");
  await page.getByLabel("Access token").fill(line);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { level: 1, name: "Fleet" }).waitFor();
}

async function inert({ visitor: { page } }: Room): Promise<void> {
  const hostile = encodeURIComponent(SCRIPT);
  const reflected = [
    `/devices?where=${hostile}`,
    `/devices/${hostile}`,
    `/rollouts/${hostile}`,
    `/audit?device=${hostile}&words=${hostile}`,
    `/search?device=${hostile}&model=${hostile}&memory=${hostile}`,
    `/${hostile}#code=${hostile}`,
    `/sign-in#error=${hostile}`,
  ];
  for (const path of reflected) {
    await page.goto(path);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.waitForTimeout(150);
    assert.equal(await planted(page), 0, path);
  }
  await ready(page, "/models");
  await page.getByRole("row", { name: /hostile@1.*<img src=x/u }).waitFor();
  await ready(page, "/devices/pi-1");
  assert.ok((await page.getByText("alert(2)").count()) >= 5, "what the device says is shown as text");
}

async function apart({ fleet: { origin }, visitor: { context } }: Room): Promise<void> {
  const other = await context.newPage();
  // Another site, as far as a browser can tell.
  await other.route("http://other.test/**", (route) =>
    route.fulfill({
      contentType: "text/html",
      body: `<iframe src="${origin}/"></iframe>
        <form method="post" action="${origin}/api/v1/changeRollout" enctype="text/plain"><input name='{"x":"' value='"}'></form>`,
    }),
  );
  await other.goto("http://other.test/");
  const [frame] = other.frames().slice(1);
  assert.doesNotMatch((await frame?.content()) ?? "", /id="app"/u, "it is not framed");
  const [answer] = await Promise.all([
    other.waitForResponse(/changeRollout/u),
    other.evaluate(() => document.forms[0]?.submit()),
  ]);
  assert.ok(answer.status() >= 400 && answer.status() < 500, `a foreign form was answered ${answer.status()}`);
  await other.close();
}

async function life({ visitor: { page }, device }: Room): Promise<void> {
  const act = async (button: string, confirm: string, fields: Readonly<Record<string, string>> = {}): Promise<void> => {
    await page.getByRole("button", { name: button }).click();
    const dialog = page.getByRole("dialog");
    for (const [label, value] of Object.entries(fields)) await dialog.getByLabel(label).fill(value);
    await dialog.getByRole("button", { name: confirm, exact: true }).click();
    await dialog.waitFor({ state: "detached" });
  };
  await ready(page, "/devices/pi-1");
  device.copied("bbb222");
  const doubled = page.getByRole("listitem").filter({ hasText: /^doubled/u });
  await doubled.waitFor();
  await act("Decide which…", "Keep this one", { "The agent that is the device": "bbb222", Reason: "the newer board" });
  await doubled.waitFor({ state: "detached" });
  const row = {
    name: /device-decided.*Eve.*agent bbb222.* is the device.*agent aaa111.* stays parked: the newer board/u,
  };
  await page.getByRole("row", row).waitFor();
  await device.stop();
  await page.getByText("offline", { exact: true }).waitFor();
  await act("Rename…", "Rename", { "New name": "kitchen" });
  await page.getByRole("heading", { level: 1, name: "kitchen" }).waitFor();
  await act("Retire…", "Retire");
  await page.getByText("retired", { exact: true }).waitFor();
  await act("Remove…", "Remove");
  await page.getByRole("heading", { level: 1, name: "Devices" }).waitFor();
  await ready(page, "/audit");
  await page.getByText("Were events changed").click();
  await page.getByRole("button", { name: "Check all events" }).click();
  await page.getByText("as they were written", { exact: true }).waitFor();
  await page.getByRole("row", { name: /device-removed.*Eve/u }).waitFor();
}
