import { Table } from "@mpo/charts";
import { byWhom, isName, MpoError, msIn } from "@mpo/core";
import type { AccessTokenView, JoinTokenView, Role } from "@mpo/protocol";
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { call } from "../api/call.ts";
import { useLoad } from "../state/load.ts";
import { may, mayRuleFleet, tenant, who } from "../state/who.ts";
import { Action, textOf } from "../ui/action.tsx";
import { Failure } from "../ui/failure.tsx";
import { Facts, Moment } from "../ui/figures.tsx";
import { Page, Section } from "../ui/page.tsx";

/** Who may do what: people's and programs' tokens, and those with which devices join. */
export function PeoplePage(): VNode {
  const person = who.value;
  const scope = person?.tenant === undefined ? "all tenants" : `tenant ${person.tenant}`;
  return (
    <Page title="People and tokens">
      <Section id="you" title="You">
        <Facts
          of={[
            ["name", person?.name ?? ""],
            ["role", `${person?.role} of ${scope}`],
            person?.expiresAtMs === undefined
              ? undefined
              : ["signed in until", <Moment key="ends" at={person.expiresAtMs} />],
          ]}
        />
        <p class="faint">
          A viewer sees everything; an operator also changes configurations, labels and rollouts; an admin also lets
          devices in and gives out tokens.
        </p>
      </Section>
      {mayRuleFleet() ? <AccessTokens /> : <p class="faint">An admin of all tenants sees who has which role.</p>}
      {may("admin") && <JoinTokens />}
    </Page>
  );
}

function AccessTokens(): VNode {
  const { value, error, reload } = useLoad(async (signal) => (await call("listAccessTokens", {}, signal)).tokens, {
    keys: [],
    when: ({ kind }) => kind.startsWith("access-token"),
  });
  const [made, setMade] = useState<string>();
  const create = async (form: FormData): Promise<string> => {
    const chosen = textOf(form, "tenant");
    const name = textOf(form, "name");
    const { loginString } = await call("createAccessToken", {
      name,
      role: textOf(form, "role") as Role,
      validMs: durationIn(textOf(form, "valid")),
      ...(chosen === "" ? {} : { tenant: chosen }),
    });
    setMade(loginString);
    reload();
    return `A token for ${name} is made. It is shown once.`;
  };
  return (
    <Section
      id="access"
      title="People and programs"
      actions={
        <Action
          label="Create a token…"
          title="Create an access token"
          confirm="Create"
          look="primary"
          asksReason={false}
          run={create}
        >
          <label class="field">
            <span>Whose</span>
            <input name="name" required maxLength={64} autocomplete="off" />
          </label>
          <label class="field">
            <span>Role</span>
            <select name="role">
              <option value="viewer">viewer</option>
              <option value="operator">operator</option>
              <option value="admin">admin</option>
            </select>
          </label>
          <label class="field">
            <span>Tenant (empty: all)</span>
            <input name="tenant" pattern="[A-Za-z0-9_\-]{1,64}" autocomplete="off" />
          </label>
          <Valid usual="90d" />
        </Action>
      }
    >
      <Failure error={error} />
      {made !== undefined && <Secret text={made} command="mpo login" />}
      {value !== undefined && <AccessTable tokens={value} onDone={reload} />}
    </Section>
  );
}

function AccessTable({
  tokens,
  onDone,
}: {
  readonly tokens: readonly AccessTokenView[];
  readonly onDone: () => void;
}): VNode {
  const revoke = (id: string) => async (): Promise<string> => {
    await call("revokeAccessToken", { id });
    onDone();
    return `Token ${id} is revoked.`;
  };
  return (
    <Table
      caption="Access tokens"
      columns={["Name", "Role", "Tenant", "Ends", "Made by", "Id", "Revoke"]}
      rows={tokens.map(({ id, name, role, tenant: of, expiresAtMs, createdBy }) => ({
        key: id,
        cells: [
          name,
          role,
          of ?? "all",
          <Moment key="ends" at={expiresAtMs} />,
          byWhom(createdBy),
          <code key="id">{id}</code>,
          <Action
            key="revoke"
            label="Revoke…"
            name={`Revoke ${name}…`}
            title={`Revoke the token of ${name}?`}
            confirm="Revoke"
            look="danger"
            asksReason={false}
            run={revoke(id)}
          >
            <p>Whoever uses it is refused from now on.</p>
          </Action>,
        ],
      }))}
    />
  );
}

const MOST_USES = 100_000;

function JoinTokens(): VNode {
  const of = tenant.value;
  const { value, error, reload } = useLoad(
    async (signal) => (await call("listJoinTokens", { tenant: of }, signal)).tokens,
    {
      keys: [of],
      when: ({ kind }) => kind.startsWith("join-token") || kind.startsWith("device-"),
    },
  );
  const [made, setMade] = useState<string>();
  const create = async (form: FormData): Promise<string> => {
    const device = textOf(form, "device");
    if (device !== "" && !isName(device))
      throw new MpoError("invalid-argument", `${device} is not a name: A-Z a-z 0-9 _ -`);
    const { joinStrings } = await call("createJoinTokens", {
      tenant: of,
      count: 1,
      uses: Math.min(MOST_USES, Number(textOf(form, "uses")) || 1),
      validMs: durationIn(textOf(form, "valid")),
      ...(device === "" ? {} : { device }),
      labels: [],
      isAccepting: form.get("accept") !== null,
    });
    setMade(joinStrings[0]);
    reload();
    return "A join token is made. It is shown once.";
  };
  return (
    <Section
      id="join"
      title={`Devices join tenant ${of} with`}
      actions={
        <Action
          label="Create a join token…"
          title="Create a join token"
          confirm="Create"
          look="primary"
          asksReason={false}
          run={create}
        >
          <label class="field">
            <span>How many devices</span>
            <input name="uses" type="number" min={1} max={MOST_USES} value="1" />
          </label>
          <label class="field">
            <span>Only this device (empty: whichever is new)</span>
            <input name="device" autocomplete="off" />
          </label>
          <label class="choose">
            <input type="checkbox" name="accept" /> Let them in at once, without asking
          </label>
          <Valid usual="1d" />
        </Action>
      }
    >
      <Failure error={error} />
      {made !== undefined && <Secret text={made} command="mpo agent --join" />}
      {value?.length === 0 && <p class="faint">There is no join token. Devices need one to ask to join.</p>}
      {value !== undefined && value.length > 0 && <JoinTable tokens={value} onDone={reload} />}
    </Section>
  );
}

function JoinTable({
  tokens,
  onDone,
}: {
  readonly tokens: readonly JoinTokenView[];
  readonly onDone: () => void;
}): VNode {
  const revoke =
    ({ id, tenant: of }: JoinTokenView) =>
    async (): Promise<string> => {
      await call("revokeJoinToken", { tenant: of, id });
      onDone();
      return `Join token ${id} is revoked.`;
    };
  return (
    <Table
      caption="Join tokens"
      columns={["Id", { title: "Uses left", isNumber: true }, "For", "Lets in at once", "Ends", "Made by", "Revoke"]}
      rows={tokens.map((token) => ({
        key: token.id,
        cells: [
          <code key="id">{token.id}</code>,
          token.usesLeft,
          token.device ?? "any new device",
          token.isAccepting ? "yes" : "no, it asks",
          <Moment key="ends" at={token.expiresAtMs} />,
          byWhom(token.createdBy),
          <Action
            key="revoke"
            label="Revoke…"
            name={`Revoke ${token.id}…`}
            title={`Revoke join token ${token.id}?`}
            confirm="Revoke"
            look="danger"
            asksReason={false}
            run={revoke(token)}
          />,
        ],
      }))}
    />
  );
}

function Valid({ usual }: { readonly usual: string }): VNode {
  return (
    <label class="field">
      <span>Good for</span>
      <input name="valid" required value={usual} autocomplete="off" />
    </label>
  );
}

/** Something that is shown once, and is gone with the page. */
function Secret({ text, command }: { readonly text: string; readonly command: string }): VNode {
  return (
    <div class="card secret">
      <p>
        It is shown once. Use it with <code>{command}</code>, and keep it like a password.
      </p>
      <label class="field">
        <span>Token</span>
        <input readOnly value={text} onFocus={({ currentTarget }) => currentTarget.select()} />
      </label>
    </div>
  );
}

function durationIn(text: string): number {
  const ms = msIn(text);
  if (ms === undefined) throw new MpoError("invalid-argument", `${text || "nothing"} is not a duration, such as 90d`);
  return ms;
}
