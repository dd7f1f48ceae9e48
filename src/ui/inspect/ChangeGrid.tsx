import { Button } from '@mantine/core';
import { type KeyboardEvent, type MouseEvent, useEffect, useRef, useState } from 'react';
import { ChangeDetail } from './ChangeDetail.tsx';
import { type Answers, ChangeTile } from './ChangeTile.tsx';
import { usePictures } from './use-comparison.ts';

/** Images shown at first, and with each "Show more". */
const AT_ONCE = 60;

interface ChangeGridProps {
  /** What the grid shows, for who cannot see it. */
  readonly name: string;
  readonly images: readonly { readonly index: number; readonly label: number }[];
  readonly answers: readonly Answers[];
  /** A run that has the pictures. */
  readonly run: number;
  /** Said where there are no images. */
  readonly empty: string;
}

/** Test images in their order. One of them takes the keyboard's focus: arrows move it, Enter opens it larger. */
export function ChangeGrid({ name, images, answers, run, empty }: ChangeGridProps) {
  const pictures = usePictures();
  const box = useRef<HTMLDivElement>(null);
  const [most, setMost] = useState(AT_ONCE);
  const [current, setCurrent] = useState(0);
  const [opened, setOpened] = useState<number | null>(null);
  const shown = images.slice(0, most);
  const focused = Math.min(current, shown.length - 1);
  const indices = shown.map(({ index }) => index).join();
  useEffect(() => {
    if (indices !== '') void pictures.want(run, indices.split(',').map(Number));
  }, [pictures, run, indices]);

  const focusTile = (place: number): void => {
    setCurrent(place);
    tiles(box.current)[place]?.focus();
    // What is open follows the focus.
    if (opened !== null) setOpened(shown[place]?.index ?? null);
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const columns = columnsOf(tiles(box.current));
    const last = shown.length - 1;
    const moves: Readonly<Record<string, number>> = {
      ArrowRight: focused + 1,
      ArrowLeft: focused - 1,
      ArrowDown: focused + columns > last ? focused : focused + columns,
      ArrowUp: focused - columns < 0 ? focused : focused - columns,
      Home: 0,
      End: last,
    };
    const to = moves[event.key];
    if (to === undefined) return;
    event.preventDefault();
    // Not for the tabs around the panel.
    event.stopPropagation();
    focusTile(Math.min(last, Math.max(0, to)));
  };
  // One listener for all tiles, which then change only with what they show; Enter presses the focused one.
  const onClick = ({ target }: MouseEvent): void => {
    const tile = target instanceof Element ? target.closest<HTMLElement>('[data-index]') : null;
    if (!tile) return;
    const index = Number(tile.dataset['index']);
    setCurrent(shown.findIndex((image) => image.index === index));
    setOpened(index);
  };

  const open = images.find(({ index }) => index === opened);
  const problem = pictures.problem();
  return (
    <div className="change-pictures" data-open={open ? true : undefined}>
      <div className="change-list">
        {shown.length === 0 && <p className="comparison-empty">{empty}</p>}
        {problem && <p className="comparison-note">{problem}</p>}
        <div ref={box} className="change-grid" role="group" aria-label={name} onKeyDown={onKey} onClick={onClick}>
          {shown.map(({ index, label }, place) => (
            <ChangeTile
              key={index}
              index={index}
              label={label}
              pixels={pictures.pixelsOf(index)}
              answers={answers}
              inTabOrder={place === focused}
              opened={index === opened}
            />
          ))}
        </div>
        {images.length > shown.length && (
          <div className="change-more">
            <span>
              {shown.length} of {images.length.toLocaleString('en')}
            </span>
            <Button size="compact-xs" variant="default" onClick={() => setMost(most + AT_ONCE)}>
              Show more
            </Button>
          </div>
        )}
      </div>
      {open && (
        <ChangeDetail
          index={open.index}
          label={open.label}
          pixels={pictures.pixelsOf(open.index)}
          answers={answers}
          onClose={() => {
            setOpened(null);
            tiles(box.current)[focused]?.focus();
          }}
        />
      )}
    </div>
  );
}

const tiles = (box: HTMLElement | null): readonly HTMLElement[] => [
  ...(box?.querySelectorAll<HTMLElement>('[data-index]') ?? []),
];

/** Tiles in the first row. */
function columnsOf(all: readonly HTMLElement[]): number {
  const top = all[0]?.offsetTop;
  const next = all.findIndex(({ offsetTop }) => offsetTop !== top);
  return next < 0 ? Math.max(1, all.length) : next;
}
