export { ATTRIBUTES, type SelectionFacts } from "./attributes.ts";
export { type Filter, termsOf } from "./filter.ts";
export { matches } from "./matches.ts";
export { MAX_FILTER_LENGTH, parseFilter } from "./parse-filter.ts";
export { quoted } from "./tokens.ts";
