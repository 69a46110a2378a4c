// SPDX-License-Identifier: Apache-2.0
// One line of a log.
import {memo} from '../jobs/memo';
import {clock} from '../shell/time';
import {CUT, GAP, PROGRESS, type LogRing} from './ring';
import {allPlaces} from './search';
import type {Searcher} from './searcher';
import {plain, segments, SEVERITIES, visible, withMarks} from './text';
import type {LogQuery} from './query';

const shownChars = 4000;

export interface LineLook {
    /** Changes when lines must be drawn anew. */
    version: string;
    wrap: boolean;
    times: LogQuery['times'];
    /** Of a rank and attempt; undefined where there is one alone. */
    label: ((rank: number, attempt: number) => string) | undefined;
    search: {text: string; regex: boolean};
    searcher: Searcher;
    current: number;
    pointed: number;
    onPoint: (seq: number) => void;
    onWhole: (seq: number) => void;
}

export const Line = memo(function Line({ring, seq, look}: {ring: LogRing; seq: number; look: LineLook; version: string}) {
    const flags = ring.flags(seq);
    const severity = ring.severity(seq);
    const whole = ring.text(seq);
    const text = whole.length > shownChars ? whole.slice(0, shownChars) : whole;
    const gap = (flags & GAP) !== 0;
    const kind = gap ? 'gap' : severity >= 3 ? SEVERITIES[severity]! : '';
    return (
        <div class={`log-line ${kind} ${seq === look.current ? 'now' : ''} ${seq === look.pointed ? 'pointed' : ''}`}>
            <span class="sign" title={kind}>{gap ? '⋯' : severity === 4 ? '✖' : severity === 3 ? '▲' : ' '}</span>
            {look.times !== 'off' && <button type="button" class="at" tabIndex={-1} title="Point at this line: its address is in the address bar" onClick={() => look.onPoint(seq)}>{clock(ring.at(seq), look.times === 'utc')}</button>}
            {look.label && <span class={`rank r${ring.rank(seq) % 8}`}>{look.label(ring.rank(seq), ring.attempt(seq))}</span>}
            <span class="text">{pieces(text, seq, look)}{(flags & PROGRESS) !== 0 && <span class="note-of" title="Carriage returns: the line's last state is shown">↺</span>}</span>
            {whole.length > shownChars && <button type="button" class="rest" onClick={() => look.onWhole(seq)}>{(whole.length - shownChars).toLocaleString('en')} more characters</button>}
            {(flags & CUT) !== 0 && <span class="note-of">cut at 64 KiB; the download has all of it</span>}
        </div>
    );
});

function pieces(text: string, seq: number, look: LineLook) {
    const list = segments(text);
    const place = look.search.text === '' ? undefined : look.searcher.placeIn(seq);
    if (place === undefined) return list.map((s, i) => s.style === '' ? visible(s.text) : <span key={i} class={s.style}>{visible(s.text)}</span>);
    // An expression runs in the worker alone, which tells the first place; plain text is found here, in all places.
    const ranges = look.search.regex ? [place] : allPlaces(plain(text), look.search.text);
    return withMarks(list, ranges).map((s, i) => s.mark ? <mark key={i} class={s.style}>{visible(s.text)}</mark> : <span key={i} class={s.style}>{visible(s.text)}</span>);
}
