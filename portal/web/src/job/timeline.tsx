// SPDX-License-Identifier: Apache-2.0
// Submitted, approved, admitted, running, finished: when, and how long each took.
import type {TimelineStep} from '../api/types';
import {Icon} from '../shell/icons';
import {now, Stamp} from '../shell/now';
import {duration} from '../shell/time';

export function Timeline({steps, succeeded}: {steps: TimelineStep[]; succeeded: boolean}) {
    const next = steps.findIndex(s => s.at === undefined && !s.skipped);
    const before = steps.slice(0, next < 0 ? 0 : next).findLast(s => s.at !== undefined);
    return (
        <ol class="timeline">
            {steps.map((s, i) => {
                const state = s.skipped ? 'skipped' : s.at !== undefined ? 'done' : i === next ? 'next' : 'later';
                return (
                    <li key={s.step} class={state} aria-current={state === 'next' ? 'step' : undefined}>
                        <span class="knob"><Icon name={state === 'done' ? 'done' : state === 'skipped' ? 'skip' : state === 'next' ? 'hourglass' : 'dot'} /></span>
                        <strong>{s.step}</strong>
                        <span class="muted small">
                            {s.skipped ? missing(s, succeeded) : s.at !== undefined ? <Stamp at={s.at} />
                                : state === 'next' && before?.at !== undefined ? `${s.step === 'Finished' ? 'running' : 'waiting'} for ${duration(now.value - Date.parse(before.at))}` : 'not yet'}
                            {s.seconds !== undefined && <><br />after {duration(s.seconds * 1000)}</>}
                        </span>
                    </li>
                );
            })}
        </ol>
    );
}

/** Why there is no time of a step of a job that has ended. Pods that end at once are not seen running. */
function missing(step: TimelineStep, succeeded: boolean): string {
    if (step.step === 'Approved') return 'not needed';
    return succeeded ? 'too short to be seen' : 'never';
}
