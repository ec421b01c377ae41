// SPDX-License-Identifier: Apache-2.0
#include "policy/question/matrix.h"

namespace bulkhead::question {
namespace {

// The rows and columns, without cells.
Matrix empty_matrix(const model::Cluster& cluster, const MatrixOptions& options) {
  Matrix matrix;
  matrix.probes = options.probes.empty() ? default_probes(cluster) : options.probes;
  for (const auto& [key, pod] : cluster.pods) {
    if (!pod->is_live()) {
      matrix.notes.push_back(
          fmt::format("{} is left out: it {}", key.text(),
                      pod->finished ? "has finished"
                                    : "uses the host's network, which no pod policy concerns"));
      continue;
    }
    if (auto end = end_of(*pod, options.family)) {
      matrix.ends.push_back(std::move(*end));
    } else {
      matrix.notes.push_back(fmt::format("{} is left out: it has no {} address", key.text(),
                                         name_of(*options.family)));
    }
  }
  for (const auto& block : options.externals) matrix.ends.push_back(external_end(cluster, block));
  return matrix;
}

template <class Judge>
void fill(Matrix& matrix, const Judge& judge) {
  for (std::size_t from = 0; from < matrix.ends.size(); ++from) {
    for (std::size_t to = 0; to < matrix.ends.size(); ++to) {
      const bool has_pod = matrix.ends[from].pod != nullptr || matrix.ends[to].pod != nullptr;
      if (!has_pod) continue;
      for (std::size_t probe = 0; probe < matrix.probes.size(); ++probe) {
        matrix.cells.push_back(
            {from, to, probe,
             judge.judge(matrix.ends[from], matrix.ends[to], matrix.probes[probe])});
      }
    }
  }
}

std::string side_text(const std::optional<oracle::Answer>& answer) {
  if (!answer) return "nobody";
  return fmt::format("{} by '{}', staged {} by '{}'", name_of(answer->verdict), answer->rule,
                     name_of(answer->staged_verdict), answer->staged_rule);
}

}  // namespace

Result<Matrix> matrix(const model::Cluster& cluster, const MatrixOptions& options) {
  Matrix out = empty_matrix(cluster, options);
  const std::size_t cells = out.ends.size() * out.ends.size() * out.probes.size();
  if (cells > kMaxCells) {
    return fail(
        "a matrix of {} ends and {} probes has {} cells, more than {}: name fewer files or "
        "probes, or ask `policy assert` or `policy explain`",
        out.ends.size(), out.probes.size(), cells, kMaxCells);
  }
  const auto judge = TableJudge::compile(cluster);
  if (!judge) return tl::unexpected(judge.error());
  fill(out, *judge);
  return out;
}

Matrix oracle_matrix(const model::Cluster& cluster, const MatrixOptions& options) {
  Matrix out = empty_matrix(cluster, options);
  fill(out, OracleJudge(cluster));
  return out;
}

std::vector<std::string> differences(const Matrix& a, const Matrix& b) {
  if (a.cells.size() != b.cells.size()) {
    return {fmt::format("{} cells against {}", a.cells.size(), b.cells.size())};
  }
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < a.cells.size(); ++i) {
    const Cell& left = a.cells[i];
    const Cell& right = b.cells[i];
    if (left.judgement == right.judgement) continue;
    lines.push_back(
        fmt::format("{} -> {} {}: egress {} / {}; ingress {} / {}", a.ends[left.from].name,
                    a.ends[left.to].name, a.probes[left.probe].text(),
                    side_text(left.judgement.egress), side_text(right.judgement.egress),
                    side_text(left.judgement.ingress), side_text(right.judgement.ingress)));
  }
  return lines;
}

}  // namespace bulkhead::question
