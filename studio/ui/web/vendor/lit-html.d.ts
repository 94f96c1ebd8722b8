// Of lit-html 3.3.3, what the page's scripts use.
export interface TemplateResult {
    strings: TemplateStringsArray;
    values: unknown[];
}
export function html(strings: TemplateStringsArray, ...values: unknown[]): TemplateResult;
export const nothing: unique symbol;
export function render(value: unknown, container: HTMLElement): void;
