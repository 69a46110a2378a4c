// SPDX-License-Identifier: Apache-2.0
// Times and durations as people read them. Pure.

/** "3s", "5m 12s", "2h 5m", "3d 4h": two units at most. `ms` below 0 is 0. */
export function duration(ms: number): string {
    const s = Math.max(0, Math.floor(ms / 1000));
    const parts: [number, string][] = [[Math.floor(s / 86400), 'd'], [Math.floor(s / 3600) % 24, 'h'], [Math.floor(s / 60) % 60, 'm'], [s % 60, 's']];
    const first = parts.findIndex(([n]) => n > 0);
    if (first < 0) return '0s';
    return parts.slice(first, first + 2).filter(([n], i) => i === 0 || n > 0).map(([n, unit]) => `${n}${unit}`).join(' ');
}

/** Of a list: one unit, as kubectl does it; "5m", "3h", "12d". */
export function age(ms: number): string {
    const s = Math.max(0, Math.floor(ms / 1000));
    if (s < 120) return `${s}s`;
    if (s < 2 * 3600) return `${Math.floor(s / 60)}m`;
    if (s < 48 * 3600) return `${Math.floor(s / 3600)}h`;
    return `${Math.floor(s / 86400)}d`;
}

/** In words for people who hear it: "5 minutes". */
export function ageInWords(ms: number): string {
    const [number, unit] = [age(ms).slice(0, -1), age(ms).slice(-1)];
    const word = {s: 'second', m: 'minute', h: 'hour', d: 'day'}[unit] ?? '';
    return `${number} ${word}${number === '1' ? '' : 's'}`;
}

const two = (n: number): string => String(n).padStart(2, '0');

/** "2026-11-29 10:00:07", local or UTC; the text itself where it is no time. */
export function stamp(iso: string, utc = false): string {
    const t = new Date(iso);
    if (Number.isNaN(t.getTime())) return iso;
    return utc
        ? `${t.getUTCFullYear()}-${two(t.getUTCMonth() + 1)}-${two(t.getUTCDate())} ${two(t.getUTCHours())}:${two(t.getUTCMinutes())}:${two(t.getUTCSeconds())}`
        : `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())} ${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}`;
}

/** "10:00:07.123", of ms since 1970. */
export function clock(ms: number, utc: boolean): string {
    const t = new Date(ms);
    const [h, m, s, f] = utc ? [t.getUTCHours(), t.getUTCMinutes(), t.getUTCSeconds(), t.getUTCMilliseconds()]
        : [t.getHours(), t.getMinutes(), t.getSeconds(), t.getMilliseconds()];
    return `${two(h)}:${two(m)}:${two(s)}.${String(f).padStart(3, '0')}`;
}

/** "1.5 TiB". */
export function bytes(n: number): string {
    const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
    let value = n;
    let unit = 0;
    while (value >= 1024 && unit < units.length - 1) { value /= 1024; unit += 1; }
    return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export const plural = (n: number, one: string, many = `${one}s`): string => `${n.toLocaleString('en')} ${n === 1 ? one : many}`;
