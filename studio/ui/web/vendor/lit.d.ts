// Of lit-html 3.3.3, what the page's scripts use, in one file: `esbuild --bundle --format=esm --minify` of these imports.
export interface Template {
    strings: TemplateStringsArray;
    values: unknown[];
}
/** What stands in a template; a function there hears an event. */
export type Part = string | number | boolean | symbol | object | null | undefined | ((event: any) => unknown);
export function html(strings: TemplateStringsArray, ...values: Part[]): Template;
/** Elements within an SVG. */
export function svg(strings: TemplateStringsArray, ...values: Part[]): Template;
export const nothing: unique symbol;
export function render(value: unknown, container: HTMLElement): void;
/** From directives/live.js: a property is set wherever the element has another value, not the template. */
export function live<T>(value: T): T;
/** From directives/repeat.js: a list whose elements stay with their items. */
export function repeat<T>(items: Iterable<T>, key: (item: T, at: number) => unknown, template: (item: T, at: number) => unknown): object;
