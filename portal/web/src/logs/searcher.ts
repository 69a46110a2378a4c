// SPDX-License-Identifier: Apache-2.0
// Searches the ring as it fills, piece by piece in a worker.
import {signal} from '@preact/signals';
import type {LogRing} from './ring';
import {mistakeIn, type Search} from './search';
import workerUrl from './search.worker?worker&url';
import {trustedWorkerUrl} from './trusted';
import {lowerBound} from './view';

const pieceLines = 4000;
const deadlineMs = 2000;

export class Searcher {
    /** Grows as pieces are searched; tells when to look at `hits` again. */
    readonly version = signal(0);
    readonly busy = signal(false);
    readonly problem = signal('');
    /** Numbers of lines, rising. */
    hits: number[] = [];
    private places = new Map<number, [number, number]>();
    private search: Search = {text: '', regex: false};
    private worker: Worker | undefined;
    private id = 0;
    private from = 0;
    private to = 0;
    private timer: ReturnType<typeof setTimeout> | undefined;

    constructor(private readonly ring: LogRing) {}

    /** Begins anew; an empty text searches nothing. */
    set(search: Search): void {
        if (search.text === this.search.text && search.regex === this.search.regex && this.problem.value === '') return;
        this.stop();
        this.search = search;
        this.hits = [];
        this.places = new Map();
        this.from = this.to = this.ring.first;
        this.problem.value = search.text === '' ? '' : mistakeIn(search);
        this.version.value += 1;
        this.update();
    }

    /** After lines came or went. */
    update(): void {
        if (this.search.text === '' || this.problem.value !== '' || this.busy.value) return;
        if (this.ring.first > this.from) {
            const gone = lowerBound(this.hits, this.ring.first);
            for (const seq of this.hits.slice(0, gone)) this.places.delete(seq);
            if (gone > 0) this.hits = this.hits.slice(gone);
            this.from = this.ring.first;
            this.to = Math.max(this.to, this.from);
        }
        if (this.to < this.ring.end) this.ask(this.to, Math.min(this.ring.end, this.to + pieceLines), false);
        else if (this.from > this.ring.first) this.ask(Math.max(this.ring.first, this.from - pieceLines), this.from, true);
    }

    /** Where in the line the first hit is. */
    placeIn(seq: number): [number, number] | undefined { return this.places.get(seq); }

    stop(): void {
        clearTimeout(this.timer);
        this.worker?.terminate();
        this.worker = undefined;
        this.busy.value = false;
        this.id += 1;
    }

    private ask(from: number, to: number, before: boolean): void {
        this.busy.value = true;
        const id = ++this.id;
        const worker = this.worker ??= new Worker(trustedWorkerUrl(workerUrl), {type: 'module'});
        const done = (hits: number[]) => {
            clearTimeout(this.timer);
            const seqs: number[] = [];
            for (let i = 0; i < hits.length; i += 3) {
                const seq = from + hits[i]!;
                if (seq < this.ring.first) continue;
                seqs.push(seq);
                this.places.set(seq, [hits[i + 1]!, hits[i + 2]!]);
            }
            if (before) { this.hits = seqs.concat(this.hits); this.from = from; }
            else { for (const seq of seqs) this.hits.push(seq); this.to = to; }
            this.busy.value = false;
            this.version.value += 1;
            this.update();
        };
        const fail = (what: string) => {
            this.stop();
            this.problem.value = what;
        };
        worker.onmessage = (event: MessageEvent<{id: number; hits: number[]}>) => { if (event.data.id === this.id) done(event.data.hits); };
        worker.onerror = () => { if (id === this.id) fail('The search could not be run.'); };
        this.timer = setTimeout(() => fail('This expression takes too long; make it simpler.'), deadlineMs);
        worker.postMessage({id, lines: this.ring.texts(from, to), search: this.search});
    }
}
