/** The one door to the vendored library: everything that draws imports it from here. */
import htm from "../vendor/htm.js";
import { h } from "../vendor/preact.js";

export { render } from "../vendor/preact.js";
export { useCallback, useEffect, useErrorBoundary, useLayoutEffect, useMemo, useRef, useState } from "../vendor/preact-hooks.js";

/** Draws a template as elements; every value in it becomes text or an attribute, never markup. */
export const html = htm.bind(h);
