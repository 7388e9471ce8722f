import { signal } from "@preact/signals";
import type { VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { moveCount } from "../state/router.ts";

const said = signal<{ readonly text: string; readonly count: number }>({ text: "", count: 0 });

/** Says something that has happened: shown below, and read out. */
export function announce(text: string): void {
  said.value = { text, count: said.peek().count + 1 };
}

/** Where it is said. It stays until another page is gone to, or it is closed: nobody has to hurry. */
export function Announcements(): VNode {
  const moves = moveCount.value;
  const last = useRef(0);
  useEffect(() => {
    // What is said while going somewhere is of there.
    if (last.current === said.peek().count) said.value = { text: "", count: last.current };
    last.current = said.peek().count;
  }, [moves]);
  const { text } = said.value;
  return (
    <div class={text === "" ? "said" : "said shown"}>
      <p role="status" aria-live="polite">
        {text}
      </p>
      {text !== "" && (
        <button type="button" class="quiet" onClick={() => announce("")}>
          Dismiss
        </button>
      )}
    </div>
  );
}
