// SPDX-License-Identifier: Apache-2.0
// What is chosen of a log: search, ranks, attempts, level, how far back.
import {Icon} from '../shell/icons';
import {SearchField} from '../jobs/filter_bar';
import {LEVELS, TAILS, TIMES, type LogQuery} from './query';
import type {Searcher} from './searcher';
import type {Sources} from './viewer';

interface Props { q: LogQuery; set: (change: Partial<LogQuery>) => void; sources: Sources; searcher: Searcher; hit: number; go: (step: number) => void; download: string }

const tailWords: Record<string, string> = {500: 'Last 500 lines', 2000: 'Last 2,000 lines', 20000: 'Last 20,000 lines', 100000: 'Last 100,000 lines', all: 'From the beginning'};
const levelWords: Record<string, string> = {all: 'All lines', info: 'Info and above', warning: 'Warnings and errors', error: 'Errors only'};
const timeWords: Record<string, string> = {off: 'No times', local: 'Local times', utc: 'Times in UTC'};

export function LogToolbar({q, set, sources, searcher, hit, go, download}: Props) {
    const hits = (searcher.version.value, searcher.hits.length);
    return (
        <div class="log-tools" role="search" aria-label="Lines of the log">
            <SearchField value={q.q} label="Search the log" placeholder={q.regex ? 'Regular expression' : 'Search the log'} onChange={text => set({q: text})} />
            <button type="button" aria-pressed={q.regex} title="The search is a regular expression" onClick={() => set({regex: !q.regex})}><code>.*</code><span class="unseen"> Regular expression</span></button>
            {q.q !== '' && <>
                <button type="button" aria-pressed={q.only} onClick={() => set({only: !q.only})}>Only matches</button>
                <button type="button" class="icon-only" aria-label="Match before" title="Match before (N)" disabled={hits === 0} onClick={() => go(-1)}><Icon name="up" /></button>
                <button type="button" class="icon-only" aria-label="Next match" title="Next match (n)" disabled={hits === 0} onClick={() => go(1)}><Icon name="down" /></button>
                <span class={searcher.problem.value === '' ? 'muted' : 'wrong'} role="status">
                    {searcher.problem.value || `${hit >= 0 ? `${(hit + 1).toLocaleString('en')} of ` : ''}${hits.toLocaleString('en')}${searcher.busy.value ? '…' : ''} lines`}</span>
            </>}
            <span class="spring" />
            <RankMenu q={q} set={set} sources={sources} />
            <AttemptSelect q={q} set={set} sources={sources} />
            <Select label="Level" value={q.level} options={LEVELS} words={levelWords} onChange={level => set({level})} />
            <Select label="How far back" value={q.tail} options={TAILS} words={tailWords} onChange={tail => set({tail, follow: true, at: ''})} />
            <Select label="Times" value={q.times} options={TIMES} words={timeWords} onChange={times => set({times})} />
            <label class="since">Since <input type="datetime-local" step="1" value={localOf(q.since)} onChange={e => set({since: e.currentTarget.value === '' ? '' : new Date(e.currentTarget.value).toISOString()})} /></label>
            <button type="button" aria-pressed={q.wrap} title="Wrap long lines (w)" onClick={() => set({wrap: !q.wrap})}>Wrap</button>
            <button type="button" aria-pressed={q.follow} title="Stay at the end (f)" onClick={() => set({follow: !q.follow})}>Follow</button>
            <a class="button" href={download} download><Icon name="download" />Download</a>
        </div>
    );
}

function Select<T extends string>({label, value, options, words, onChange}: {label: string; value: T; options: readonly T[]; words: Record<string, string>; onChange: (value: T) => void}) {
    return <select aria-label={label} value={value} onChange={e => onChange(e.currentTarget.value as T)}>{options.map(o => <option key={o} value={o}>{words[o] ?? o}</option>)}</select>;
}

function RankMenu({q, set, sources}: Pick<Props, 'q' | 'set' | 'sources'>) {
    const ranks = [...new Map(sources.items.map(s => [s.rank, s])).values()];
    if (ranks.length < 2 && q.rank.length === 0) return null;
    const toggle = (rank: number) => set({rank: q.rank.includes(rank) ? q.rank.filter(r => r !== rank) : [...q.rank, rank].sort((a, b) => a - b)});
    return (
        <details class="menu">
            <summary>{q.rank.length === 0 ? 'All ranks' : q.rank.length === 1 ? `Rank ${q.rank[0]}` : `${q.rank.length} ranks`}<Icon name="down" /></summary>
            <div class="menu-body">
                <button type="button" aria-pressed={q.rank.length === 0} onClick={() => set({rank: []})}>All ranks, merged</button>
                {ranks.length > 64 && <p class="muted small">64 at most at one time; choose which.</p>}
                <div class="scroll">{ranks.map(s => (
                    <div class="rank-row" key={s.rank}>
                        <label class="check"><input type="checkbox" checked={q.rank.includes(s.rank)} disabled={q.rank.length >= 64 && !q.rank.includes(s.rank)} onChange={() => toggle(s.rank)} />{s.rank} <span class="muted">{s.role}-{s.index}</span></label>
                        <button type="button" class="quiet small" onClick={() => set({rank: [s.rank]})}>only</button>
                    </div>
                ))}</div>
            </div>
        </details>
    );
}

function AttemptSelect({q, set, sources}: Pick<Props, 'q' | 'set' | 'sources'>) {
    const attempts = [...new Set(sources.items.map(s => s.attempt))].sort((a, b) => b - a);
    if (attempts.length < 2 && q.attempt === 'latest') return null;
    const options = ['latest', 'previous', 'all', ...attempts.map(String)];
    if (!options.includes(q.attempt)) options.push(q.attempt);
    const words: Record<string, string> = {latest: 'Latest attempt', previous: 'Attempt before', all: 'All attempts'};
    return <Select label="Attempt" value={q.attempt} options={options} words={Object.fromEntries(options.map(o => [o, words[o] ?? `Attempt ${o}`]))} onChange={attempt => set({attempt, follow: true})} />;
}

/** For an input of local time. */
function localOf(iso: string): string {
    if (iso === '') return '';
    const t = new Date(iso);
    return new Date(t.getTime() - t.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
