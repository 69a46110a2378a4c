// SPDX-License-Identifier: Apache-2.0
// Small parts that all pages use.
import type {ComponentChildren} from 'preact';
import {useRef, useState} from 'preact/hooks';
import type {ApiError} from '../api/problem';
import type {Phase} from '../api/types';
import {Icon, type IconName} from './icons';
import {say} from './announce';

export function CopyButton({text, what}: {text: string; what: string}) {
    const [done, setDone] = useState(false);
    const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
    const copy = async () => {
        try {
            await navigator.clipboard.writeText(text);
            setDone(true);
            say(`${what} copied`);
            clearTimeout(timer.current);
            timer.current = setTimeout(() => setDone(false), 1500);
        } catch {
            say(`The browser did not let ${what} be copied; select it by hand.`, true);
        }
    };
    return (
        <button type="button" class="quiet icon-only" aria-label={`Copy ${what}`} title={`Copy ${what}`} onClick={copy}>
            <Icon name={done ? 'done' : 'copy'} />
        </button>
    );
}

/** A value to copy, such as a path. */
export function Copyable({text, what}: {text: string; what: string}) {
    return <span class="copyable"><code>{text}</code><CopyButton text={text} what={what} /></span>;
}

const phases: Record<Phase, {tone: string; icon: IconName; word: string}> = {
    None: {tone: 'idle', icon: 'dot', word: 'New'},
    AwaitingApproval: {tone: 'ask', icon: 'hand', word: 'Awaiting approval'},
    Queued: {tone: 'wait', icon: 'hourglass', word: 'Queued'},
    Starting: {tone: 'wait', icon: 'rocket', word: 'Starting'},
    Running: {tone: 'run', icon: 'play', word: 'Running'},
    Restarting: {tone: 'ask', icon: 'redo', word: 'Restarting'},
    Suspended: {tone: 'idle', icon: 'pause', word: 'Suspended'},
    Stopping: {tone: 'idle', icon: 'ending', word: 'Stopping'},
    Succeeded: {tone: 'good', icon: 'check', word: 'Succeeded'},
    Failed: {tone: 'bad', icon: 'cross', word: 'Failed'},
    Stopped: {tone: 'idle', icon: 'square', word: 'Stopped'},
};
export const phaseWord = (phase: Phase): string => phases[phase]?.word ?? phase;

export function Badge({tone, icon, children}: {tone: string; icon: IconName; children: ComponentChildren}) {
    return <span class={`badge ${tone}`}><Icon name={icon} />{children}</span>;
}

export function PhaseBadge({phase}: {phase: Phase}) {
    const is = phases[phase] ?? phases.None;
    return <Badge tone={is.tone} icon={is.icon}>{phases[phase] ? is.word : phase}</Badge>;
}

/** What went wrong and what to do; its number is what an administrator finds in the log. */
export function ErrorBox({problem, retry}: {problem: ApiError; retry?: () => void}) {
    return (
        <div class="box bad" role="alert">
            <Icon name="cross" />
            <div>
                <strong>{problem.title}</strong>
                {problem.detail !== '' && <p>{problem.detail}</p>}
                {problem.errors.length > 0 && <ul>{problem.errors.map(e => <li key={e.field + e.message}><code>{e.field}</code>: {e.message}</li>)}</ul>}
                {problem.instance !== '' && <p class="muted small">Request <code>{problem.instance.replace('urn:dlworkspace:request:', '')}</code></p>}
                {retry && <button type="button" onClick={retry}>Try again</button>}
            </div>
        </div>
    );
}

export function Empty({title, children}: {title: string; children?: ComponentChildren}) {
    return <div class="empty"><p class="empty-title">{title}</p>{children}</div>;
}

export function Loading({what}: {what: string}) {
    return <p class="loading" role="status">Loading {what}…</p>;
}

/** A share, as a bar with its words beside it. */
export function Meter({value, max, label}: {value: number; max: number; label: string}) {
    const percent = max > 0 ? Math.min(100, Math.max(0, value / max * 100)) : 0;
    return <div class="meter" role="img" aria-label={label}><div class={percent > 90 ? 'fill full' : 'fill'} style={{width: `${percent}%`}} /></div>;
}

export interface TabItem { id: string; label: string; href: string }
export function Tabs({items, current, label}: {items: TabItem[]; current: string; label: string}) {
    return (
        <nav class="tabs" aria-label={label}>
            {items.map(t => <a key={t.id} href={t.href} aria-current={t.id === current ? 'page' : undefined}>{t.label}</a>)}
        </nav>
    );
}
