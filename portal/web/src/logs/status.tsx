// SPDX-License-Identifier: Apache-2.0
// Below the lines: how many there are, and where they come from.
import type {LogState} from '../api/types';
import {Icon, type IconName} from '../shell/icons';
import {plural} from '../shell/time';
import type {LogSession} from './store';
import type {Sources} from './viewer';
import type {Shown} from './view';

const words: Record<LogState['state'], {icon: IconName; text: string}> = {
    Live: {icon: 'play', text: 'live'}, Archive: {icon: 'storage', text: 'archive'}, Waiting: {icon: 'hourglass', text: 'waiting for the pod'},
    Ended: {icon: 'square', text: 'ended'}, Unavailable: {icon: 'cross', text: 'unavailable'},
};

export function LogStatus({session, shown, sources, onEarlier}: {session: LogSession; shown: Shown; lines: number; sources: Sources; onEarlier: (() => void) | undefined}) {
    const {ring} = session;
    const byState = new Map<LogState['state'], LogState[]>();
    for (const s of session.sources.value.values()) byState.set(s.state, [...byState.get(s.state) ?? [], s]);
    const filtered = shown.count !== ring.size;
    return (
        <div class="log-status small">
            <span>{plural(ring.size, 'line')}{filtered && `, ${shown.count.toLocaleString('en')} shown`}{ring.dropped > 0 && `; ${ring.dropped.toLocaleString('en')} older ones left out`}</span>
            {onEarlier && <button type="button" class="quiet small" onClick={onEarlier}>Load earlier lines</button>}
            <span class="spring" />
            {session.state.value === 'loading' && ring.size > 0 && <span role="status"><Icon name="hourglass" /> loading more lines</span>}
            {session.state.value === 'waiting' && <span><Icon name="redo" /> interrupted; connecting again</span>}
            {sources.archive === 'Unavailable' && <span><Icon name="cross" /> the archive's storage does not answer</span>}
            {[...byState].map(([state, list]) => (
                <span key={state} title={list.map(s => `rank ${s.rank}${s.why ? `: ${s.why}` : ''}`).join('\n')}>
                    <Icon name={words[state].icon} /> {list.length > 1 ? `${list.length} ` : ''}{words[state].text}</span>
            ))}
            {session.ended.value === 'JobFinished' && <span>the job has ended</span>}
            {session.ended.value === 'JobDeleted' && <span>the job was deleted</span>}
        </div>
    );
}
