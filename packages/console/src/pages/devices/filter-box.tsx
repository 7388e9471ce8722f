import { MpoError, parseFilter } from "@mpo/core";
import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Failure } from "../../ui/failure.tsx";
import { type Completion, completionAt, type Vocabulary } from "./complete.ts";

interface FilterBoxProps {
  readonly value: string;
  readonly words: Vocabulary;
  /** The texts of saved filters, by name. */
  readonly groups: ReadonlyMap<string, string>;
  readonly onChoose: (filter: string) => void;
}

const NOTHING: Completion = { from: 0, suggestions: [] };

/** A filter is written here: with words to choose from, and what is wrong marked below it. */
export function FilterBox({ value, words, groups, onChoose }: FilterBoxProps): VNode {
  const [text, setText] = useState(value);
  const [error, setError] = useState<MpoError>();
  const [completion, setCompletion] = useState(NOTHING);
  const [active, setActive] = useState(-1);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    setText(value);
    setError(undefined);
  }, [value]);
  const close = (): void => {
    setCompletion(NOTHING);
    setActive(-1);
  };
  const onInput = (): void => {
    const { value: written = "", selectionStart } = input.current ?? {};
    setText(written);
    setError(undefined);
    setCompletion(completionAt(written, selectionStart ?? written.length, words));
    setActive(-1);
  };
  const take = (index: number): void => {
    const chosen = completion.suggestions[index];
    const element = input.current;
    if (chosen === undefined || element === null) return;
    const cursor = element.selectionStart ?? text.length;
    const before = `${text.slice(0, completion.from)}${chosen.text} `;
    const whole = before + text.slice(cursor).trimStart();
    setText(whole);
    element.value = whole;
    element.focus();
    element.setSelectionRange(before.length, before.length);
    setCompletion(completionAt(whole, before.length, words));
    setActive(-1);
  };
  const submit = (): void => {
    close();
    const wanted = text.trim();
    try {
      if (wanted !== "") parseFilter(wanted, { groups });
      setError(undefined);
      onChoose(wanted);
    } catch (thrown) {
      setError(MpoError.from(thrown));
    }
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const { length } = completion.suggestions;
    if (event.key === "Escape") close();
    if (event.key === "Enter" && active >= 0) {
      event.preventDefault();
      take(active);
    }
    const isDown = event.key === "ArrowDown";
    if (!isDown && event.key !== "ArrowUp") return;
    event.preventDefault();
    if (length === 0) onInput();
    else setActive((before) => (isDown ? (before + 1) % length : before <= 0 ? length - 1 : before - 1));
  };
  const isOpen = completion.suggestions.length > 0;
  return (
    <form
      class="filter"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <label for="filter">Filter</label>
      <div class="combo">
        <input
          id="filter"
          ref={input}
          value={text}
          role="combobox"
          aria-expanded={isOpen}
          aria-controls="filter-options"
          aria-autocomplete="list"
          aria-invalid={error !== undefined}
          aria-describedby="filter-help"
          {...(active >= 0 ? { "aria-activedescendant": `filter-option-${active}` } : {})}
          autocomplete="off"
          spellcheck={false}
          placeholder="memory < 2GiB and label.site = berlin"
          onInput={onInput}
          onFocus={onInput}
          onBlur={close}
          onKeyDown={onKeyDown}
        />
        <div id="filter-options" role="listbox" aria-label="Ways to go on" hidden={!isOpen}>
          {completion.suggestions.map((one, index) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the text field has the keys, as a combobox does
            // biome-ignore lint/a11y/useFocusableInteractive: the text field keeps the focus
            <div
              key={one.text}
              id={`filter-option-${index}`}
              role="option"
              aria-selected={index === active}
              // Else the field would lose the focus first.
              onMouseDown={(event) => event.preventDefault()}
              onClick={() => take(index)}
            >
              <code>{one.text}</code> <span class="faint">{one.says}</span>
            </div>
          ))}
        </div>
      </div>
      <button type="submit" class="primary">
        Apply
      </button>
      {value !== "" && (
        <button type="button" onClick={() => onChoose("")}>
          Clear
        </button>
      )}
      <p id="filter-help" class="faint hint">
        Attributes compare and join with and, or, not. Arrow down shows what may follow.
      </p>
      <Failure error={error} />
    </form>
  );
}
