// SPDX-License-Identifier: Apache-2.0
// Icons of our own, drawn on 16 by 16. They are always beside a word, or their button has a label.

const paths = {
    jobs: 'M2 3.5h12M2 8h12M2 12.5h8',
    submit: 'M8 3v10M3 8h10',
    approvals: 'M3 8.5l3.2 3.2L13 5',
    cluster: 'M2.5 2.5h4v4h-4zM9.5 2.5h4v4h-4zM2.5 9.5h4v4h-4zM9.5 9.5h4v4h-4z',
    storage: 'M2.5 4.5c0-2.7 11-2.7 11 0s-11 2.7-11 0zM2.5 4.5v7c0 2.7 11 2.7 11 0v-7M2.5 8c0 2.7 11 2.7 11 0',
    templates: 'M3 2.5h10v11H3zM5.5 5.5h5M5.5 8h5M5.5 10.5h3',
    copy: 'M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3',
    done: 'M3 8.5l3.2 3.2L13 5',
    close: 'M4 4l8 8M12 4l-8 8',
    theme: 'M8 2.5a5.5 5.5 0 1 0 0 11zM8 2.5a5.5 5.5 0 0 1 0 11',
    help: 'M5.7 6a2.3 2.3 0 1 1 3.4 2c-.8.4-1.1.8-1.1 1.6M8 12.4v.1',
    menu: 'M2 4h12M2 8h12M2 12h12',
    down: 'M4 6.5l4 4 4-4',
    up: 'M4 9.5l4-4 4 4',
    download: 'M8 2.5v8M4.5 7l3.5 3.5L11.5 7M3 13.5h10',
    search: 'M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9zM10.4 10.4l3.1 3.1',
    // States: each its own shape, so that none is told by colour alone.
    hourglass: 'M4.5 2.5h7M4.5 13.5h7M5.5 2.5c0 3 5 3.5 5 5.5s-5 2.5-5 5.5M10.5 2.5c0 3-5 3.5-5 5.5s5 2.5 5 5.5',
    hand: 'M8 3v5M8 11.8v.2M2 13.5L8 2.5l6 11z',
    rocket: 'M3 8a5 5 0 0 1 5-5M13 8a5 5 0 0 1-5 5M8 8v.1',
    play: 'M5 3.2v9.6L12.8 8z',
    redo: 'M12.5 5.5A5 5 0 1 0 13 9M12.8 2.5v3.2H9.6',
    pause: 'M5.5 3.5v9M10.5 3.5v9',
    ending: 'M3.5 8h9M10 5.5L12.5 8 10 10.5',
    check: 'M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2zM5.2 8.2l2 2 3.6-4',
    cross: 'M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2zM5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4',
    square: 'M4 4h8v8H4z',
    dot: 'M8 6.5a1.5 1.5 0 1 1 0 3 1.5 1.5 0 0 1 0-3z',
    info: 'M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2zM8 7.3v3.9M8 4.9V5',
    skip: 'M3 8h2M7 8h2M11 8h2',
} as const;

export type IconName = keyof typeof paths;

export function Icon({name}: {name: IconName}) {
    return (
        <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
            <path d={paths[name]} fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" />
        </svg>
    );
}
