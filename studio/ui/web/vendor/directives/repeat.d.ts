// Of lit-html 3.3.3: a list whose elements stay with their items.
export function repeat<T>(items: Iterable<T>, key: (item: T) => unknown, template: (item: T) => unknown): unknown;
