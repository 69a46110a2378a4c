// SPDX-License-Identifier: Apache-2.0
// Search, mine or all, phases with their counts, and the rarer filters.
import {useEffect, useRef, useState} from 'preact/hooks';
import {PENDING, PHASES, type PendingClass, type Phase} from '../api/types';
import {namespaces} from '../session/session';
import {Icon} from '../shell/icons';
import {phaseWord} from '../shell/parts';
import type {Filter} from './query';
import {phases} from './store';

const pendingWords: Record<PendingClass, string> = {
    Wait: 'Wait: ends by itself',
    Ask: 'Ask: somebody else must act',
    Change: 'Change: the submitter must act',
};
const typingMs = 250;

export function FilterBar({filter, set}: {filter: Filter; set: (change: Partial<Filter>) => void}) {
    const counts = phases.value;
    const toggle = (phase: Phase) => set({phase: filter.phase.includes(phase) ? filter.phase.filter(p => p !== phase) : [...filter.phase, phase]});
    const shown = PHASES.filter(p => (counts[p] ?? 0) > 0 || filter.phase.includes(p));
    const more = filter.pending.length + filter.namespace.length + filter.owner.length + (filter.gpuType === '' ? 0 : 1);
    return (
        <div class="filters" role="search" aria-label="Filter jobs">
            <SearchField value={filter.q} label="Search jobs" placeholder="Name, owner, image or reason" onChange={q => set({q})} />
            <div class="segmented" role="group" aria-label="Whose jobs">
                <button type="button" aria-pressed={filter.mine} onClick={() => set({mine: true})}>Mine</button>
                <button type="button" aria-pressed={!filter.mine} onClick={() => set({mine: false})}>Everybody's</button>
            </div>
            <details class="menu">
                <summary>Filter{more > 0 ? ` (${more})` : ''}<Icon name="down" /></summary>
                <MoreFilters filter={filter} set={set} />
            </details>
            {shown.length > 0 && <div class="chips" role="group" aria-label="Phases">
                {shown.map(p => (
                    <button type="button" key={p} class="chip" aria-pressed={filter.phase.includes(p)} onClick={() => toggle(p)}>
                        {phaseWord(p)} <span class="number">{counts[p] ?? 0}</span>
                    </button>
                ))}
                {filter.phase.length > 0 && <button type="button" class="quiet" onClick={() => set({phase: []})}>All phases</button>}
            </div>}
        </div>
    );
}

function MoreFilters({filter, set}: {filter: Filter; set: (change: Partial<Filter>) => void}) {
    const listable = namespaces.value.filter(n => n.rights.includes('list')).map(n => n.name);
    const toggle = <T,>(all: T[], one: T): T[] => all.includes(one) ? all.filter(x => x !== one) : [...all, one];
    return (
        <div class="menu-body">
            <fieldset>
                <legend>Why they wait</legend>
                {PENDING.map(p => <label key={p} class="check"><input type="checkbox" checked={filter.pending.includes(p)} onChange={() => set({pending: toggle(filter.pending, p)})} />{pendingWords[p]}</label>)}
            </fieldset>
            {listable.length > 0 && <fieldset>
                <legend>Namespace</legend>
                <div class="scroll">{[...new Set([...filter.namespace, ...listable])].map(n =>
                    <label key={n} class="check"><input type="checkbox" checked={filter.namespace.includes(n)} onChange={() => set({namespace: toggle(filter.namespace, n)})} />{n}</label>)}</div>
            </fieldset>}
            <label class="stack">Owner <input value={filter.owner.join(' ')} placeholder="alice@example.org" onChange={e => set({owner: e.currentTarget.value.split(/\s+/).filter(Boolean)})} /></label>
            <label class="stack">GPU type <input value={filter.gpuType} placeholder="A100" onChange={e => set({gpuType: e.currentTarget.value.trim()})} /></label>
        </div>
    );
}

/** Tells what was typed when typing pauses. `/` goes to the field with data-search. */
export function SearchField({value, label, placeholder, onChange}: {value: string; label: string; placeholder: string; onChange: (value: string) => void}) {
    const [typed, setTyped] = useState(value);
    const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
    const told = useRef(value);
    useEffect(() => {
        if (value !== told.current) { told.current = value; setTyped(value); }
    }, [value]);
    useEffect(() => () => clearTimeout(timer.current), []);
    const tell = (next: string) => {
        clearTimeout(timer.current);
        if (next === told.current) return;
        told.current = next;
        onChange(next);
    };
    return (
        <div class="search">
            <Icon name="search" />
            <input type="search" data-search aria-label={label} placeholder={placeholder} maxLength={256} value={typed}
                onInput={event => {
                    const next = event.currentTarget.value;
                    setTyped(next);
                    clearTimeout(timer.current);
                    timer.current = setTimeout(() => tell(next), typingMs);
                }}
                onKeyDown={event => { if (event.key === 'Enter') tell(event.currentTarget.value); }} />
            <kbd aria-hidden="true">/</kbd>
        </div>
    );
}
