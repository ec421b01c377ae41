// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policy/base/result.h"
#include "policy/question/judge.h"

namespace bulkhead::question {

struct MatrixOptions {
  std::vector<Probe> probes;  // empty: default_probes()
  std::optional<Family> family;
  std::vector<Prefix> externals;
};

struct Cell {
  std::size_t from = 0;  // positions in Matrix::ends
  std::size_t to = 0;
  std::size_t probe = 0;  // position in Matrix::probes
  Judgement judgement;
};

// Who may talk to whom: pods sorted by namespace and name, then the external blocks as given; cells
// by source, destination, probe. Two external ends have no cell: nothing here decides about them.
struct Matrix {
  std::vector<End> ends;
  std::vector<Probe> probes;
  std::vector<Cell> cells;
  std::vector<std::string> notes;  // pods left out, and why
};

inline constexpr std::size_t kMaxCells = 10'000'000;

// Asks the compiled table. The matrix borrows from `cluster`. Fails when the table cannot be made,
// and beyond kMaxCells.
[[nodiscard]] Result<Matrix> matrix(const model::Cluster& cluster, const MatrixOptions& options);
// Asks the oracle: slower, and the yardstick.
[[nodiscard]] Matrix oracle_matrix(const model::Cluster& cluster, const MatrixOptions& options);

// Where two matrices of one cluster and the same options differ, a line each; empty when they
// agree on every verdict and rule.
[[nodiscard]] std::vector<std::string> differences(const Matrix& a, const Matrix& b);

// design.md section 7, `policy matrix -o json`.
[[nodiscard]] std::string to_json(const Matrix& matrix);
// One truth table a probe: rows talk to columns, '.' allowed, 'X' denied.
[[nodiscard]] std::string to_text(const Matrix& matrix);

}  // namespace bulkhead::question
