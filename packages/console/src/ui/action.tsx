import { MpoError } from "@mpo/core";
import type { ComponentChildren, VNode } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { announce } from "./announce.tsx";
import { Failure } from "./failure.tsx";

interface ActionProps {
  /** On the button that opens it. */
  readonly label: string;
  /** What it is read out as, where the label alone does not say what it is of. */
  readonly name?: string;
  /** What is asked: the dialog's title. */
  readonly title: string;
  /** On the button that does it; default: the label. */
  readonly confirm?: string;
  readonly look?: "danger" | "primary" | "plain";
  /** More fields, and what will happen. */
  readonly children?: ComponentChildren;
  /** Whether a reason is asked for; it is written into the audit. */
  readonly asksReason?: boolean;
  readonly isDisabled?: boolean;
  /** Does it; the answer is said when it is done. */
  readonly run: (form: FormData) => Promise<string>;
}

/** A button that asks once before it changes something. A dialog has the focus until it is closed, and gives it back. */
export function Action(props: ActionProps): VNode {
  const { label, name, look = "plain", isDisabled = false } = props;
  // Which time it is open. One that is closed is gone a moment later, and may have been opened again by then.
  const [shown, setShown] = useState<number>();
  const times = useRef(0);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(
    () => () => {
      // What it did may be why it goes: whoever uses the keyboard goes on from the page's title.
      if (document.activeElement === button.current) document.querySelector("h1")?.focus({ preventScroll: true });
    },
    [],
  );
  return (
    <>
      <button
        ref={button}
        type="button"
        class={look === "danger" && name !== undefined ? "" : look}
        disabled={isDisabled}
        onClick={() => setShown(++times.current)}
        {...(name === undefined ? {} : { "aria-label": name })}
      >
        {label}
      </button>
      {shown !== undefined && (
        <ActionDialog {...props} key={shown} close={() => setShown((now) => (now === shown ? undefined : now))} />
      )}
    </>
  );
}

function ActionDialog({
  label,
  title,
  confirm = label,
  look = "primary",
  children,
  asksReason = true,
  run,
  close,
}: ActionProps & { readonly close: () => void }): VNode {
  const dialog = useRef<HTMLDialogElement>(null);
  const [error, setError] = useState<MpoError>();
  const [isBusy, setBusy] = useState(false);
  const id = useId();
  useEffect(() => dialog.current?.showModal(), []);
  const onSubmit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    run(form)
      .then(
        (done) => {
          dialog.current?.close();
          announce(done);
        },
        (thrown: unknown) => setError(MpoError.from(thrown)),
      )
      .finally(() => setBusy(false));
  };
  return (
    <dialog ref={dialog} onClose={close} aria-labelledby={id}>
      <form onSubmit={onSubmit}>
        <h2 id={id}>{title}</h2>
        {children}
        {asksReason && (
          <label class="field">
            <span>Reason, for the audit (may be empty)</span>
            <input name="reason" maxLength={256} autocomplete="off" />
          </label>
        )}
        <Failure error={error} />
        <div class="buttons">
          <button type="submit" class={look === "danger" ? "danger" : "primary"} disabled={isBusy}>
            {confirm}
          </button>
          <button type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
        </div>
      </form>
    </dialog>
  );
}

/** What a field of a form holds, as text. */
export function textOf(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === "string" ? value.trim() : "";
}

export function reasonOf(form: FormData): string {
  return textOf(form, "reason");
}
