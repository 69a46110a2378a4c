// SPDX-License-Identifier: Apache-2.0
// What a page shows, as the query of its address. Pure. What is as by default is left out, so addresses stay short; what
// cannot be read is as by default, so that a mistyped address still shows something.

export interface Field<T> {
    read: (values: string[]) => T;
    write: (value: T) => string[];
}
export type Fields<S> = {[K in keyof S]: Field<S[K]>};

export const text = (byDefault = '', maxLength = 256): Field<string> => ({
    read: values => (values[0] ?? byDefault).slice(0, maxLength),
    write: value => value === byDefault ? [] : [value],
});

export const flag = (byDefault: boolean): Field<boolean> => ({
    read: values => values[0] === 'true' ? true : values[0] === 'false' ? false : byDefault,
    write: value => value === byDefault ? [] : [String(value)],
});

export const word = <T extends string>(words: readonly T[], byDefault: T): Field<T> => ({
    read: values => words.find(w => w === values[0]) ?? byDefault,
    write: value => value === byDefault ? [] : [value],
});

export const words = <T extends string>(all: readonly T[]): Field<T[]> => ({
    read: values => all.filter(w => values.includes(w)),
    write: value => all.filter(w => value.includes(w)),
});

export const texts = (maxItems = 16, maxLength = 512): Field<string[]> => ({
    read: values => [...new Set(values.filter(v => v !== '' && v.length <= maxLength))].slice(0, maxItems),
    write: value => value,
});

/** Whole numbers from 0 to max, each once, in their order. */
export const numbers = (max: number, maxItems: number): Field<number[]> => ({
    read: values => [...new Set(values.filter(v => /^\d{1,9}$/.test(v)).map(Number).filter(n => n <= max))].sort((a, b) => a - b).slice(0, maxItems),
    write: value => value.map(String),
});

export function readState<S extends object>(fields: Fields<S>, query: URLSearchParams): S {
    const state = {} as S;
    for (const name of Object.keys(fields) as (keyof S & string)[]) state[name] = fields[name].read(query.getAll(name));
    return state;
}

/** `?a=b`, or nothing where all is as by default. */
export function writeState<S extends object>(fields: Fields<S>, state: S): string {
    const query = new URLSearchParams();
    for (const name of Object.keys(fields) as (keyof S & string)[]) {
        for (const value of fields[name].write(state[name])) query.append(name, value);
    }
    const out = query.toString();
    return out === '' ? '' : `?${out}`;
}
