// SPDX-License-Identifier: Apache-2.0
// Fields of the form.
import type {ComponentChildren} from 'preact';
import {useEffect, useId, useState} from 'preact/hooks';
import {joinWords, splitWords} from './words';

interface FieldProps { label: string; hint?: string; error?: string | undefined; children: (attributes: {id: string; 'aria-describedby'?: string; 'aria-invalid'?: boolean}) => ComponentChildren; narrow?: boolean }

export function Field({label, hint, error, children, narrow}: FieldProps) {
    const id = useId();
    const about = [hint ? `${id}-h` : '', error ? `${id}-e` : ''].filter(Boolean).join(' ');
    return (
        <div class={narrow ? 'field narrow' : 'field'}>
            <label for={id}>{label}</label>
            {children({id, ...(about === '' ? {} : {'aria-describedby': about}), ...(error ? {'aria-invalid': true} : {})})}
            {hint && <span id={`${id}-h`} class="muted small">{hint}</span>}
            {error && <span id={`${id}-e`} class="wrong small">{error}</span>}
        </div>
    );
}

interface TextProps { label: string; value: string; onValue: (value: string) => void; hint?: string; error?: string | undefined; placeholder?: string; list?: string; narrow?: boolean; type?: 'text' | 'number'; min?: number; max?: number; mono?: boolean }

export function TextField({label, value, onValue, hint, error, placeholder, list, narrow, type = 'text', min, max, mono}: TextProps) {
    return (
        <Field label={label} hint={hint} error={error} narrow={narrow}>
            {attributes => <input {...attributes} class={mono ? 'mono' : ''} type={type} min={min} max={max} value={value} placeholder={placeholder} list={list} autocomplete="off" spellcheck={false}
                onInput={e => onValue(e.currentTarget.value)} />}
        </Field>
    );
}

/** A list of words as a line. What is typed stays as it is until the field is left: a space at the end is no word yet. */
export function WordsField({label, words, onWords, hint, error, placeholder}: {label: string; words: string[]; onWords: (words: string[]) => void; hint?: string; error?: string | undefined; placeholder?: string}) {
    const [typed, setTyped] = useState<string>();
    const line = joinWords(words);
    const open = typed !== undefined && splitWords(typed) === undefined;
    useEffect(() => { if (typed !== undefined && !open && joinWords(splitWords(typed)!) !== line) setTyped(undefined); }, [line]);
    return (
        <Field label={label} hint={hint} error={open ? 'A quote has no end.' : error}>
            {attributes => <textarea {...attributes} class="mono" rows={Math.min(6, (typed ?? line).split('\n').length)} value={typed ?? line} placeholder={placeholder} spellcheck={false}
                onInput={e => {
                    setTyped(e.currentTarget.value);
                    const split = splitWords(e.currentTarget.value);
                    if (split !== undefined) onWords(split);
                }}
                onBlur={() => { if (!open) setTyped(undefined); }} />}
        </Field>
    );
}
