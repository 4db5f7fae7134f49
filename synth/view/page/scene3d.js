// The 3D view: the point cloud of depth and K in the image's colours, or the mesh rebuilt from the params. WebGL 2.

import { getArray, make, recordUrl, state, url } from "./state.js";

const POINTS = `#version 300 es
in vec3 place; in vec3 colour; uniform mat4 view; uniform float size; out vec3 shade;
void main() { gl_Position = view * vec4(place, 1.0); gl_PointSize = max(1.0, size / gl_Position.w); shade = colour; }`;
const MESH = `#version 300 es
in vec3 place; in vec3 normal; uniform mat4 view; uniform vec3 eye; out vec3 shade;
void main() {
  gl_Position = view * vec4(place, 1.0);
  vec3 to_eye = normalize(eye - place);
  float key = max(dot(normal, normalize(vec3(-0.45, -0.6, -0.66))), 0.0), head = max(dot(normal, to_eye), 0.0);
  shade = vec3(0.86, 0.83, 0.8) * (0.16 + 0.5 * key + 0.42 * head);
}`;
const FILL = `#version 300 es
precision mediump float; in vec3 shade; out vec4 colour; uniform bool round;
void main() { if (round && length(gl_PointCoord - 0.5) > 0.5) discard; colour = vec4(shade, 1.0); }`;

export function makeScene(here) {
  const canvas = make("canvas", { tabIndex: 0, role: "img", "aria-label": "3D view: arrows turn it, plus and minus come closer" });
  const note = make("p", { class: "note", role: "status" });
  const buttons = { points: "Points", mesh: "Mesh" };
  const group = make("span", { class: "choices", role: "group", "aria-label": "What the 3D view shows" });
  const element = make("section", { class: "scene", "aria-label": "3D view" }, make("header", {}, make("h2", {}, "3D"), group,
    make("button", { type: "button", class: "quiet", onclick: () => { reset(); draw(); } }, "Front")), canvas, note);
  const gl = canvas.getContext("webgl2", { antialias: true, alpha: true, preserveDrawingBuffer: true });
  const given = {};
  const camera = { yaw: 0.5, pitch: 0.12, distance: 1 };
  let shown = "points", cloud = null, mesh = null, centre = [0, 0, 0.6], span = 0.25, marker = null;

  for (const [name, label] of Object.entries(buttons)) {
    group.append(make("button", { type: "button", "aria-pressed": String(name === shown), onclick: () => choose(name) }, label));
  }
  if (!gl) {
    note.textContent = "This browser has no WebGL 2, so there is no 3D view.";
    return { element, offer() {}, choose() {}, point() {}, stop() {} };
  }
  const programs = { points: program(gl, POINTS), mesh: program(gl, MESH) };

  function offer(name, values) {
    given[name] = values;
    if (name !== "depth" && name !== "image") return;
    if (given.depth && (given.image || !here.views.some((view) => view.name === "image"))) { makeCloud(); draw(); }
  }

  function makeCloud() {
    const { data, shape: [height, width] } = given.depth;
    const [[fx, skew, cx], [, fy, cy]] = here.facts.arrays["camera/K"];
    const places = [], colours = [], depths = [];
    for (let row = 0; row < height; row++) for (let col = 0; col < width; col++) {
      const at = row * width + col, z = data[at];
      if (!Number.isFinite(z)) continue;
      const y = (row + 0.5 - cy) / fy;
      places.push(((col + 0.5 - cx - skew * y) / fx) * z, y * z, z);
      depths.push(z);
      for (let k = 0; k < 3; k++) colours.push(given.image ? given.image.data[3 * at + k] / 255 : 0.7);
    }
    cloud?.free();
    if (!depths.length) { note.textContent = "Nothing is seen in this record."; cloud = null; return; }
    frame(places, depths);
    cloud = buffers(gl, programs.points, { place: places, colour: colours }, null);
    cloud.px = (span / Math.hypot(height, width)) * 5;
  }

  // The middle of the points, by medians, and how far they reach.
  function frame(places, depths) {
    const middle = (values) => Float64Array.from(values).sort()[values.length >> 1];
    const axis = (k) => depths.map((_, n) => places[3 * n + k]);
    centre = [middle(axis(0)), middle(axis(1)), middle(depths)];
    const away = depths.map((_, n) => Math.hypot(places[3 * n] - centre[0], places[3 * n + 1] - centre[1]));
    span = 2.1 * away.sort((a, b) => a - b)[Math.floor(away.length * 0.97)];
    reset();
  }

  function reset() {
    Object.assign(camera, { yaw: 0, pitch: 0, distance: 1.35 * span });
  }

  async function choose(name) {
    shown = name;
    [...group.children].forEach((button, k) => button.setAttribute("aria-pressed", String(Object.keys(buttons)[k] === name)));
    note.textContent = "";
    if (name === "mesh" && !mesh) {
      try {
        if (here.facts.why_no_mesh) throw new Error(`No mesh: ${here.facts.why_no_mesh}.`);
        note.textContent = "Rebuilding the mesh …";
        const [vertices, triangles] = await Promise.all([
          getArray(recordUrl(here.index, "vertices"), here.signal), getArray(url("api/triangles", { v: state.dataset.version }), here.signal)]);
        mesh = buffers(gl, programs.mesh, { place: vertices.data, normal: normals(vertices.data, triangles.data) }, triangles.data);
        note.textContent = `${(vertices.data.length / 3).toLocaleString("en")} vertices of the model, from the params`;
      } catch (error) {
        if (error.name !== "AbortError") note.textContent = error.message;
      }
    }
    draw();
  }

  let drawing = 0;
  function draw() {
    cancelAnimationFrame(drawing);
    drawing = requestAnimationFrame(drawNow);
  }

  function drawNow() {
    const ratio = Math.min(2, devicePixelRatio);
    const width = Math.max(1, Math.round(canvas.clientWidth * ratio)), height = Math.max(1, Math.round(canvas.clientHeight * ratio));
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.enable(gl.DEPTH_TEST);
    const drawn = shown === "mesh" ? mesh : cloud;
    if (!drawn) return;
    const used = programs[shown];
    const eye = eyeOf(camera, centre);
    gl.useProgram(used);
    gl.uniformMatrix4fv(gl.getUniformLocation(used, "view"), false, viewOf(eye, centre, width / height, span));
    if (shown === "points") {
      gl.uniform1f(gl.getUniformLocation(used, "size"), drawn.px * height);
      gl.uniform1i(gl.getUniformLocation(used, "round"), 0);
    }
    else gl.uniform3fv(gl.getUniformLocation(used, "eye"), eye);
    drawn.draw();
    drawMarker(eye, width / height);
  }

  // The cursor's point in space, the landmarks' colour.
  function drawMarker(eye, aspect) {
    if (!marker) return;
    const used = programs.points;
    gl.useProgram(used);
    gl.disable(gl.DEPTH_TEST);
    gl.uniformMatrix4fv(gl.getUniformLocation(used, "view"), false, viewOf(eye, centre, aspect, span));
    gl.uniform1f(gl.getUniformLocation(used, "size"), 8 * Math.min(2, devicePixelRatio) * camera.distance);
    gl.uniform1i(gl.getUniformLocation(used, "round"), 1);
    const dot = buffers(gl, used, { place: marker, colour: [0.1, 0.95, 0.7] }, null);
    dot.draw();
    dot.free();
  }

  function point([col, row]) {
    const values = given.depth;
    if (!values) return;
    const z = values.data[row * values.shape[1] + col];
    const K = here.facts.arrays["camera/K"];
    marker = Number.isFinite(z) ? [((col + 0.5 - K[0][2]) / K[0][0]) * z, ((row + 0.5 - K[1][2]) / K[1][1]) * z, z] : null;
    draw();
  }

  turning(canvas, camera, draw);
  const resized = new ResizeObserver(draw);
  resized.observe(canvas);
  return { element, offer, choose, point, stop() { resized.disconnect(); cancelAnimationFrame(drawing); gl.getExtension("WEBGL_lose_context")?.loseContext(); } };
}

function turning(canvas, camera, draw) {
  const fingers = new Map();
  const turn = (x, y) => { camera.yaw -= x; camera.pitch = Math.max(-1.5, Math.min(1.5, camera.pitch + y)); draw(); };
  const closer = (factor) => { camera.distance = Math.max(0.02, Math.min(50, camera.distance * factor)); draw(); };
  canvas.addEventListener("pointerdown", (event) => { fingers.set(event.pointerId, event); canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const apart = () => { const [a, b] = [...fingers.values()]; return Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY); };
    const was = fingers.size > 1 ? apart() : 0;
    fingers.set(event.pointerId, event);
    if (fingers.size > 1) closer(was / Math.max(1, apart()));
    else turn((event.clientX - before.clientX) / 120, (event.clientY - before.clientY) / 120);
  });
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, (event) => fingers.delete(event.pointerId));
  canvas.addEventListener("wheel", (event) => { event.preventDefault(); closer(event.deltaY < 0 ? 0.88 : 1.14); }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-0.12, 0], ArrowRight: [0.12, 0], ArrowUp: [0, -0.12], ArrowDown: [0, 0.12] }[event.key];
    if (step) turn(...step);
    else if (event.key === "+" || event.key === "=") closer(0.88);
    else if (event.key === "-") closer(1.14);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}

// Camera space is +x right, +y down, +z forward; the eye starts where the camera is, in front of the centre.
function eyeOf({ yaw, pitch, distance }, centre) {
  return [centre[0] + distance * Math.sin(yaw) * Math.cos(pitch), centre[1] - distance * Math.sin(pitch), centre[2] - distance * Math.cos(yaw) * Math.cos(pitch)];
}

// Column-major projection times view, y down.
function viewOf(eye, centre, aspect, span) {
  const forward = unit(centre.map((value, k) => value - eye[k]));
  const right = unit(cross([0, 1, 0], forward));
  const down = cross(forward, right);
  const distance = Math.hypot(...centre.map((value, k) => value - eye[k]));
  const near = Math.max(0.005, distance - 4 * span), far = distance + 12 * span, lens = 2;
  const rows = [right.map((v) => (v * lens) / Math.max(aspect, 1e-6)), down.map((v) => -v * lens), forward];
  const moved = rows.map((row) => -row.reduce((sum, v, k) => sum + v * eye[k], 0));
  const a = (far + near) / (far - near), b = (-2 * far * near) / (far - near);
  const out = new Float32Array(16);
  for (let k = 0; k < 3; k++) { out[4 * k] = rows[0][k]; out[4 * k + 1] = rows[1][k]; out[4 * k + 2] = a * rows[2][k]; out[4 * k + 3] = rows[2][k]; }
  out[12] = moved[0]; out[13] = moved[1]; out[14] = a * moved[2] + b; out[15] = moved[2];
  return out;
}

const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const unit = (a) => a.map((value) => value / (Math.hypot(...a) || 1));

function normals(places, triangles) {
  const out = new Float32Array(places.length);
  for (let t = 0; t < triangles.length; t += 3) {
    const corners = [0, 1, 2].map((k) => 3 * triangles[t + k]);
    const [a, b, c] = corners.map((at) => places.subarray(at, at + 3));
    const face = cross([b[0] - a[0], b[1] - a[1], b[2] - a[2]], [c[0] - a[0], c[1] - a[1], c[2] - a[2]]);
    for (const at of corners) for (let k = 0; k < 3; k++) out[at + k] += face[k];
  }
  for (let at = 0; at < out.length; at += 3) out.set(unit([out[at], out[at + 1], out[at + 2]]), at);
  return out;
}

function program(gl, vertex) {
  const made = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, FILL]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(made, shader);
  }
  gl.linkProgram(made);
  return made;
}

function buffers(gl, used, arrays, triangles) {
  const vertices = gl.createVertexArray();
  gl.bindVertexArray(vertices);
  const held = Object.entries(arrays).map(([name, values]) => {
    const buffer = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array(values), gl.STATIC_DRAW);
    const at = gl.getAttribLocation(used, name);
    gl.enableVertexAttribArray(at);
    gl.vertexAttribPointer(at, 3, gl.FLOAT, false, 0, 0);
    return buffer;
  });
  if (triangles) {
    held.push(gl.createBuffer());
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, held.at(-1));
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, new Uint32Array(triangles), gl.STATIC_DRAW);
  }
  return {
    draw() {
      gl.bindVertexArray(vertices);
      if (triangles) gl.drawElements(gl.TRIANGLES, triangles.length, gl.UNSIGNED_INT, 0);
      else gl.drawArrays(gl.POINTS, 0, arrays.place.length / 3);
    },
    free() { held.forEach((buffer) => gl.deleteBuffer(buffer)); gl.deleteVertexArray(vertices); },
  };
}
