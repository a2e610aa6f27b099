/** Charts of scores over time, drawn as SVG: colour, shape and a label tell versions apart. */
import type { DemoReport, ReflectionReport } from "./data.ts";
import { type Html, markup } from "./html.ts";
import { change, count, lookOf, score, shape, simulatedTag, title } from "./words.ts";

export function scoresChart(report: DemoReport): Html {
  const points = overallPoints(report);
  const simulated = simulatedTag(report.simulated);
  return markup`<figure>${overallChart(report, points, WIDE, "wide")}${overallChart(report, points, NARROW, "narrow")}
<figcaption>${simulated} Each faint dot is one judged answer, each large mark the mean of one reflection, in the order in which they
were made. The bars reach two standard errors to either side (about 95%, if answers vary by chance; that answers of one
conversation resemble each other is allowed for).</figcaption></figure>`;
}

function overallChart({ settings }: DemoReport, points: Point[], frame: Frame, name: string): Html {
  const id = `scores-${name}`;
  const text = points.map(({ answers, ...point }) => `${said(point)} from ${count(answers.length, "answer")}`);
  return markup`<svg class="chart ${name}" viewBox="0 0 ${frame.width} ${frame.height}" role="img"
aria-labelledby="${id} ${id}-text"><title id="${id}">Overall score over time, 1 to 5</title>
<desc id="${id}-text">${text.join("; ")}</desc>
${bands(frame, points)}${axis(frame, [1, 2, 3, 4, 5])}${thresholdLine(frame, Number(settings.auto_update_threshold))}
${dots(frame, points)}${means(frame, points)}${valueLabels(frame, points)}${underneath(frame, points)}</svg>`;
}

/** One small chart a criterion of the rubric. */
export function criteriaCharts(report: DemoReport): Html {
  const points = overallPoints(report);
  return markup`<ul class="multiples">${
    report.rubric.map(({ key, description }, index) => criterionChart(key, description, index, points))
  }</ul>`;
}

function criterionChart(key: string, description: string, index: number, overall: Point[]): Html {
  const id = `criterion-${index}`;
  const points = overall.map(({ reflection, ...point }): Point => ({
    ...point,
    reflection,
    mean: reflection.mean_by_criterion[key] ?? null,
    error: reflection.error_by_criterion[key] ?? null,
  }));
  const values = points.flatMap(({ mean }) => mean ?? []);
  const [first, last] = [values[0], values.at(-1)];
  return markup`<li><h3>${title(key)}</h3>
<p class="delta">${score(first)} → ${score(last)} ${
    values.length > 1 && markup`<span class="quiet">(${change(last! - first)})</span>`
  }</p>
<svg class="chart" viewBox="0 0 ${SMALL.width} ${SMALL.height}" role="img" aria-labelledby="${id} ${id}-text">
<title id="${id}">${title(key)} over time, 1 to 5</title><desc id="${id}-text">${points.map(said).join("; ")}</desc>
${axis(SMALL, [1, 3, 5])}${means(SMALL, points)}</svg>
<p class="quiet">${description}</p></li>`;
}

function said({ label, version, mean }: Pick<Point, "label" | "version" | "mean">): string {
  return `${label}, version ${version}: ${score(mean)}`;
}

interface Frame {
  width: number;
  height: number;
  left: number;
  right: number;
  top: number;
  bottom: number;
  mark: number;
}

const WIDE: Frame = { width: 880, height: 340, left: 30, right: 8, top: 34, bottom: 48, mark: 1 };
const NARROW: Frame = { width: 340, height: 300, left: 22, right: 4, top: 34, bottom: 48, mark: 0.85 };
const SMALL: Frame = { width: 200, height: 110, left: 16, right: 6, top: 10, bottom: 10, mark: 0.7 };

interface Point {
  reflection: ReflectionReport;
  label: string;
  version: number;
  mean: number | null;
  error: number | null;
  /** The single scores behind the mean. */
  answers: number[];
}

/** One a reflection that judged something, named by its round; several of one round are told apart by a letter. */
function overallPoints({ decisions, conversations }: DemoReport): Point[] {
  const reflections = decisions.filter((one) => one.kind === "reflection");
  const judged = reflections.filter(({ mean_overall }) => mean_overall !== null);
  const evaluations = conversations.flatMap(({ turns }) => turns.flatMap(({ evaluation }) => evaluation ?? []));
  return judged.map((reflection) => {
    const { id, round, version, mean_overall: mean, error_overall: error } = reflection;
    const ofRound = judged.filter((other) => other.round === round);
    const letter = ofRound.length > 1 ? String.fromCharCode(97 + ofRound.indexOf(reflection) % 26) : "";
    const answers = evaluations.filter((one) => one.reflection_id === id).flatMap(({ overall }) => overall ?? []);
    return { reflection, label: `Round ${round ?? "?"}${letter}`, version, mean, error, answers };
  });
}

function axis(frame: Frame, values: number[]): Html {
  const end = frame.width - frame.right;
  return markup`${
    values.map((value) => {
      const at = y(frame, value);
      return markup`<line class="grid" x1="${frame.left}" x2="${end}" y1="${at}" y2="${at}"/>
<text class="tick" x="${frame.left - 7}" y="${at + 4}" text-anchor="end">${value}</text>`;
    })
  }`;
}

function thresholdLine(frame: Frame, value: number): Html | false {
  if (!(value > 1 && value <= 5)) return false;
  const at = y(frame, value);
  return markup`<line class="threshold" x1="${frame.left}" x2="${frame.width - frame.right}" y1="${at}" y2="${at}" />
    <text class="threshold-label" x="${frame.left + 4}" y="${at - 5}">below ${score(value)}: a new prompt</text>`;
}

/** Over each run of one version, its name. */
function bands(frame: Frame, points: Point[]): Html {
  const starts = points.flatMap(({ version }, index) => points[index - 1]?.version === version ? [] : [index]);
  return markup`${
    starts.map((start, index) => {
      const from = frame.left + start * step(frame, points);
      const width = ((starts[index + 1] ?? points.length) - start) * step(frame, points);
      const { version } = points[start];
      const [name, nameAt, shapeAt] = width < 90 ? [`v${version}`, 8, -10] : [`Version ${version}`, 8, -38];
      const shaded = index % 2 === 1 &&
        markup`<rect class="band" x="${round(from)}" y="0" width="${round(width)}" height="${frame.height}"/>`;
      return markup`${shaded}<g class="v${lookOf(version)}" transform="translate(${round(from + width / 2)} 17)">
<g transform="translate(${shapeAt} -4)">${shape(version)}</g>
<text class="band-label" x="${nameAt}" text-anchor="middle">${name}</text></g>`;
    })
  }`;
}

/** Answers with nearly the same score stand beside each other. */
function dots(frame: Frame, points: Point[]): Html {
  const room = step(frame, points) * 0.8;
  return markup`${
    points.map(({ answers, version }, index) => {
      const rows = [...Map.groupBy(answers, (value) => Math.round(value * 10) / 10).values()];
      const circles = rows.flatMap((row) =>
        row.map((value, place) => {
          const aside = (place - (row.length - 1) / 2) * Math.min(8, room / row.length);
          return markup`<circle cx="${round(x(frame, points, index) + aside)}" cy="${y(frame, value)}" r="2.6"/>`;
        })
      );
      return markup`<g class="dots v${lookOf(version)}">${circles}</g>`;
    })
  }`;
}

/** Means joined by a line, each with its error. */
function means(frame: Frame, points: Point[]): Html {
  const placed = points.flatMap(({ mean, error, version }, index) =>
    mean === null ? [] : [{ mean, error, version, at: x(frame, points, index), height: y(frame, mean) }]
  );
  return markup`<polyline class="line" points="${placed.map(({ at, height }) => `${at},${height}`).join(" ")}"/>${
    placed.map(({ mean, error, version, at, height }) =>
      markup`<g class="v${lookOf(version)}">${error !== null && whisker(frame, at, mean, error)}
<g class="mark" transform="translate(${at} ${height}) scale(${frame.mark})">${shape(version)}</g></g>`
    )
  }`;
}

function whisker(frame: Frame, at: number, mean: number, error: number): Html {
  const [top, bottom] = [Math.min(5, mean + 2 * error), Math.max(1, mean - 2 * error)].map((value) => y(frame, value));
  const cap = 5 * frame.mark;
  return markup`<path class="whisker"
      d="M${at} ${top}V${bottom}M${at - cap} ${top}h${2 * cap}M${at - cap} ${bottom}h${2 * cap}" />`;
}

/** Above the mark and its bar, or below where that would leave the chart; the first and last where many crowd. */
function valueLabels(frame: Frame, points: Point[]): Html {
  const crowded = step(frame, points) < 40;
  return markup`${
    points.map(({ mean, error }, index) => {
      if (mean === null || (crowded && index > 0 && index < points.length - 1)) return false;
      const above = y(frame, Math.min(5, mean + 2 * (error ?? 0))) - 13;
      const below = y(frame, Math.max(1, mean - 2 * (error ?? 0))) + 24;
      const at = above > frame.top + 4 ? above : below;
      return markup`<text class="value" x="${x(frame, points, index)}" y="${at}" text-anchor="middle">${
        score(mean)
      }</text>`;
    })
  }`;
}

function underneath(frame: Frame, points: Point[]): Html {
  const every = Math.ceil(52 / step(frame, points));
  return markup`${
    points.map(({ label, answers }, index) => {
      if (index % every > 0) return false;
      const at = x(frame, points, index);
      const answered = step(frame, points) > 90 ? count(answers.length, "answer") : `n = ${answers.length}`;
      return markup`<text class="tick" x="${at}" y="${frame.height - 24}" text-anchor="middle">${label}</text>
<text class="tick small" x="${at}" y="${frame.height - 8}" text-anchor="middle">${answered}</text>`;
    })
  }`;
}

/** Room for one point. */
function step({ width, left, right }: Frame, points: Point[]): number {
  return (width - left - right) / points.length;
}

function x(frame: Frame, points: Point[], index: number): number {
  return round(frame.left + step(frame, points) * (index + 0.5));
}

function y({ height, top, bottom }: Frame, value: number): number {
  return round(top + (height - top - bottom) * (5 - value) / 4);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
