import { Table } from "@mpo/charts";
import { counted, MpoError } from "@mpo/core";
import type { VerifyEventsResponse } from "@mpo/protocol";
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { callMany } from "../api/call.ts";
import { Failure } from "../ui/failure.tsx";
import { Badge, Moment } from "../ui/figures.tsx";

interface Checked {
  readonly sums: VerifyEventsResponse;
  readonly findings: VerifyEventsResponse["findings"];
}

/** Checks that no event was changed, removed, moved or put in since it was written. */
export function Verify(): VNode {
  const [checked, setChecked] = useState<Checked>();
  const [error, setError] = useState<MpoError>();
  const [isBusy, setBusy] = useState(false);
  const run = async (): Promise<void> => {
    setBusy(true);
    setError(undefined);
    setChecked(undefined);
    const findings: VerifyEventsResponse["findings"][number][] = [];
    try {
      for await (const sums of callMany("verifyEvents", {})) {
        findings.push(...sums.findings);
        setChecked({ sums, findings: [...findings] });
      }
    } catch (thrown) {
      setError(MpoError.from(thrown));
    }
    setBusy(false);
  };
  return (
    <details class="verify">
      <summary>Were events changed since they were written?</summary>
      <p>Each event holds the hash of events before it. All events of all tenants are checked.</p>
      <button type="button" disabled={isBusy} onClick={() => void run()}>
        {isBusy ? "Checking…" : "Check all events"}
      </button>
      <Failure error={error} />
      {checked !== undefined && <Result {...checked} />}
    </details>
  );
}

function Result({ sums, findings }: Checked): VNode {
  const { entries, firstAtMs, unsealed, unchained, isDone } = sums;
  return (
    <>
      <p role="status">
        {!isDone && "So far: "}
        {isDone && findings.length === 0 && <Badge tone="good">as they were written</Badge>}
        {findings.length > 0 && <Badge tone="bad">{counted(findings.length, "finding")}</Badge>}{" "}
        {counted(entries, "event")}
        {firstAtMs !== undefined && (
          <>
            {" "}
            since <Moment at={firstAtMs} />
          </>
        )}
        {unsealed > 0 && `; ${unsealed.toLocaleString("en")} are not signed`}
        {unchained > 0 && `; ${unchained.toLocaleString("en")} are from before events were linked`}
      </p>
      {findings.length > 0 && (
        <Table
          caption="Findings"
          columns={["Event", "What", "Says"]}
          rows={findings.map(({ sequence, kind, message }, index) => ({
            key: `${index}`,
            cells: [sequence, kind, message],
          }))}
        />
      )}
    </>
  );
}
